"""Say what a network of fully connected layers may say.

Lives here: Mlp.
Not here: building it (workloads.training.families.mlp).
Law: the defaults are a small network that trains on one core.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.network import NetworkSpec


class Mlp(NetworkSpec):
    order: ClassVar[int] = 10

    name: Literal["mlp"]
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = spec_field((128, 64), doc="Width of each hidden layer.")
    dropout: float = Field(0.0, ge=0, lt=1)
    activation: Literal["relu", "gelu", "silu"] = "relu"
    norm: Literal["none", "batch", "layer"] = "none"
