"""Say what a Gaussian mixture may say.

Lives here: GaussianMixture.
Not here: learning it (workloads.training.families.gaussian_mixture).
Law: clusters are numbered by their weight, the heaviest first.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.family import FamilySpec
from mlops.metrics.task import Task


class GaussianMixture(FamilySpec):
    """Clusters as overlapping normal distributions. Predicts the probability of each."""

    order: ClassVar[int] = 210
    tasks: ClassVar[tuple[Task, ...]] = (Task.CLUSTERING,)
    reads: ClassVar[tuple[str, ...]] = ("trainer.seed",)

    name: Literal["gaussian_mixture"] = spec_field(doc="The family.")
    clusters: int = spec_field(8, doc="How many distributions there are.", ge=2)
    covariance: Literal["full", "diag", "spherical"] = spec_field(
        "full", doc="The shape of a distribution: any ellipse, one along the axes, or a circle."
    )
    restarts: int = spec_field(1, doc="How often it begins from other distributions; the best end is kept.", ge=1)
    max_steps: int = spec_field(100, doc="How often the distributions are moved, at most.", ge=1)
    regularize: float = spec_field(
        1e-6, doc="Added to each variance, so that a feature that is constant in a cluster does no harm.", ge=0
    )
