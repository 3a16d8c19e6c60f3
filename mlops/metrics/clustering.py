"""Say which metrics judge clusters.

Lives here: SILHOUETTE, DAVIES_BOULDIN, CALINSKI_HARABASZ, ADJUSTED_RAND.
Not here: computing them (workloads.metrics.clustering).
Law: all but the last look at features alone; the last is left out where the data set has no label.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.clustering"
_TASKS = frozenset({Task.CLUSTERING})

SILHOUETTE = Metric(
    "silhouette",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:silhouette",
    headline={Task.CLUSTERING: 1},
    doc="How much nearer rows are to their own cluster than to the next one, from -1 to 1; of 2,000 rows spread over the split.",
)
DAVIES_BOULDIN = Metric(
    "davies_bouldin",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:davies_bouldin",
    headline={Task.CLUSTERING: 2},
    doc="How wide clusters are against the distances between them, the mean of the worst pairs; 0 is best.",
)
CALINSKI_HARABASZ = Metric(
    "calinski_harabasz",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:calinski_harabasz",
    form=".4g",
    doc="The variance between clusters against the variance within them.",
)
ADJUSTED_RAND = Metric(
    "adjusted_rand",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:adjusted_rand",
    doc="How well clusters and the label agree about which pairs of rows belong together: 1 entirely, 0 as by chance.",
)
