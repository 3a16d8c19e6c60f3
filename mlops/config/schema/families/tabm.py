"""Say what many small networks that share their weights may say.

Lives here: TabM.
Not here: building it (workloads.training.families.tabm).
Law: the defaults are a network that trains on one core.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.network import NetworkSpec


class TabM(NetworkSpec):
    """Several fully connected networks that share most of their weights, learn side by side, and answer with their mean."""

    order: ClassVar[int] = 16
    default_lr: ClassVar[float] = 2e-3

    name: Literal["tabm"] = spec_field(doc="The family.")
    members: int = spec_field(16, doc="How many networks there are.", ge=2, le=128)
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = spec_field(
        (128, 128), doc="Width of each hidden layer.", min_length=1
    )
    dropout: float = spec_field(0.1, doc="Share of the units left out in each step of training.", ge=0, lt=1)
