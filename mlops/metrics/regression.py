"""Say which metrics compare numbers.

Lives here: R2, RMSE, MAE, MAPE, PINBALL.
Not here: computing them (workloads.metrics.regression).
Law: RMSE, MAE and PINBALL are in the label's unit, so that they drift by a share of what they were.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric, Worsening
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.regression"
_TASKS = frozenset({Task.REGRESSION})
_NUMBERS = frozenset({Task.REGRESSION, Task.FORECASTING})

R2 = Metric(
    "r2",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:r2",
    headline={Task.REGRESSION: 1},
    doc="The share of the label's variance that is explained.",
)
RMSE = Metric(
    "rmse",
    _NUMBERS,
    Direction.MIN,
    f"{_COMPUTED}:rmse",
    headline={Task.REGRESSION: 2, Task.FORECASTING: 3},
    doc="The root of the mean squared error, in the label's unit.",
)
MAE = Metric(
    "mae",
    _NUMBERS,
    Direction.MIN,
    f"{_COMPUTED}:mae",
    headline={Task.FORECASTING: 2},
    drift={
        Task.REGRESSION: Worsening(0.2, relative=True),
        Task.FORECASTING: Worsening(0.2, relative=True),
    },
    doc="The mean of how far off a prediction is, in the label's unit.",
)
MAPE = Metric(
    "mape",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:mape",
    doc="The mean of how far off a prediction is, as a share of the label; none where a label is 0.",
)
PINBALL = Metric(
    "pinball",
    _TASKS | {Task.QUANTILE},
    Direction.MIN,
    f"{_COMPUTED}:pinball_loss",
    headline={Task.QUANTILE: 1},
    drift={Task.QUANTILE: Worsening(0.2, relative=True)},
    doc="The mean pinball loss over the quantiles, in the label's unit; of one number, as of a median: half of `mae`.",
)
