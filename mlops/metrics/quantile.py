"""Say which metrics compare quantiles with what came.

Lives here: COVERAGE, WIDTH.
Not here: computing them (workloads.metrics.quantile), `pinball`, which one number has too (regression).
Law: an interval is that between the lowest and the highest quantile of the model.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.quantile"
_TASKS = frozenset({Task.QUANTILE})

COVERAGE = Metric(
    "coverage",
    _TASKS,
    Direction.NEITHER,
    f"{_COMPUTED}:coverage",
    headline={Task.QUANTILE: 2},
    doc="Share of the rows between the lowest and the highest quantile; 0.8 is right for 0.1 and 0.9.",
)
WIDTH = Metric(
    "width",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:width",
    doc="The mean distance of the highest quantile from the lowest, in the label's unit.",
)
