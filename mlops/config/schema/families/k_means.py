"""Say what k-means may say.

Lives here: KMeans.
Not here: learning it (workloads.training.families.k_means).
Law: clusters are numbered by their size, the largest first.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.family import FamilySpec
from mlops.metrics.task import Task


class KMeans(FamilySpec):
    """Clusters around centres: a row belongs to the nearest one. Predicts the distance to each."""

    order: ClassVar[int] = 200
    tasks: ClassVar[tuple[Task, ...]] = (Task.CLUSTERING,)
    reads: ClassVar[tuple[str, ...]] = ("trainer.seed",)

    name: Literal["k_means"] = spec_field(doc="The family.")
    clusters: int = spec_field(8, doc="How many clusters there are.", ge=2)
    restarts: int = spec_field(10, doc="How often it begins from other centres; the best end is kept.", ge=1)
    max_steps: int = spec_field(300, doc="How often centres are moved, at most.", ge=1)
