"""Say what a residual network of fully connected layers may say.

Lives here: ResidualMlp.
Not here: building it (workloads.training.families.residual_mlp).
Law: the defaults are a network that trains on one core.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.network import NetworkSpec


class ResidualMlp(NetworkSpec):
    """Fully connected layers whose blocks add to what went before, so that many of them still train."""

    order: ClassVar[int] = 12
    default_lr: ClassVar[float] = 1e-3

    name: Literal["residual_mlp"] = spec_field(doc="The family.")
    width: int = spec_field(128, doc="How many numbers stand between the blocks.", ge=1)
    blocks: int = spec_field(3, doc="How many blocks there are.", ge=1)
    expansion: float = spec_field(2.0, doc="How many times wider a block is inside.", gt=0)
    dropout: float = spec_field(0.1, doc="Share of the units inside a block left out in each step.", ge=0, lt=1)
