"""Say where things run.

Lives here: Stack, which has one model for each target that is installed.
Not here: the targets' own models (targets), starting anything.
Law: targets share only their name; one that is not installed is no choice.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, RootModel

from mlops.extensions import TARGET_SCHEMAS

if TYPE_CHECKING:
    StackSpec = Any
else:
    _MODELS = [TARGET_SCHEMAS.load(name) for name in TARGET_SCHEMAS.names()]
    StackSpec = Annotated[reduce(or_, _MODELS), Field(discriminator="target")]


class Stack(RootModel[StackSpec]):
    """Where things run."""

    order: ClassVar[int] = 40
