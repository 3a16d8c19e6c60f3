"""Say which metrics compare probabilities.

Lives here: LOG_LOSS, BRIER, CALIBRATION_ERROR.
Not here: computing them (workloads.metrics.probability).
Law: the first two are best for the probabilities that are true.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.probability"
_TASKS = frozenset({Task.BINARY, Task.MULTICLASS})

LOG_LOSS = Metric(
    "log_loss",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:log_loss",
    doc="The mean of minus the logarithm of the probability that was given to the true class.",
)
BRIER = Metric(
    "brier",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:brier",
    doc="The mean squared difference of the probability from 1 where it is true, else 0; of several classes, their sum.",
)
CALIBRATION_ERROR = Metric(
    "calibration_error",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:calibration_error",
    doc="How far the probability is from the share that is true, in the mean over ten bins (ECE); of several classes, of the chosen one.",
)
