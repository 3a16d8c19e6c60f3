"""Say what a linear network may say.

Lives here: Linear.
Not here: building it (workloads.training.families.linear).
Law: it has nothing to say; what it learns with stands in the other sections.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.network import NetworkSpec


class Linear(NetworkSpec):
    """One weight for each feature, and nothing between features and prediction."""

    order: ClassVar[int] = 20
    default_lr: ClassVar[float] = 0.03

    name: Literal["linear"] = spec_field(doc="The family.")
