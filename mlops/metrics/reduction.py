"""Say which metrics judge a reduction.

Lives here: EXPLAINED_VARIANCE.
Not here: computing it (workloads.metrics.reduction).
Law: it looks at features alone.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task

EXPLAINED_VARIANCE = Metric(
    "explained_variance",
    frozenset({Task.REDUCTION}),
    Direction.MAX,
    "mlops.workloads.metrics.reduction:explained_variance",
    headline={Task.REDUCTION: 1},
    doc="The share of the features' variance that the best linear function of the components explains.",
)
