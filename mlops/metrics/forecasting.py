"""Say which metrics compare forecasts with what came.

Lives here: MASE, SMAPE.
Not here: computing them (workloads.metrics.forecasting), RMSE and MAE, which one number has too (regression).
Law: every step ahead counts alike.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.forecasting"
_TASKS = frozenset({Task.FORECASTING})

MASE = Metric(
    "mase",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:mase",
    headline={Task.FORECASTING: 1},
    doc="The mean absolute error divided by that of the seasonal naive forecast (the same step of the last season) on the same "
    "rows: below 1, the model is better than repeating the past.",
)
SMAPE = Metric(
    "smape",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:smape",
    doc="The mean absolute error as a share of the mean of the absolute values of forecast and truth, from 0 to 2.",
)
