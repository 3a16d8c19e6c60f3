"""Say where things run.

Lives here: Stack, which is judged by the model of its target.
Not here: the targets' own models (targets), starting anything.
Law: targets share only their name; one that is not installed is no choice.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import RootModel

from mlops.config.schema.by_name import by_tag
from mlops.config.schema.targets.base import TargetSpec
from mlops.extensions import TARGET_SCHEMAS

BY_TARGET = by_tag(TARGET_SCHEMAS, TargetSpec, tag="target")


class Stack(RootModel[Annotated[TargetSpec, BY_TARGET]]):
    """Where things run."""

    order: ClassVar[int] = 40
