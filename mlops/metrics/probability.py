"""Say which metrics compare probabilities.

Lives here: LOG_LOSS, BRIER.
Not here: computing them (workloads.measuring).
Law: each of them is best for the probabilities that are true.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.measuring"

LOG_LOSS = Metric(
    "log_loss",
    frozenset({Task.BINARY, Task.MULTICLASS}),
    Direction.MIN,
    f"{_COMPUTED}:log_loss",
    doc="The mean of minus the logarithm of the probability that was given to the true class.",
)
BRIER = Metric(
    "brier",
    frozenset({Task.BINARY}),
    Direction.MIN,
    f"{_COMPUTED}:brier",
    doc="The mean squared difference of the probability from 1 where it is true, else 0.",
)
