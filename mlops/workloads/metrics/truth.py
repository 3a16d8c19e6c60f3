"""Put beside the truth what a metric compares it with.

Lives here: as_measured, and true_values, which takes it away again.
Not here: the metrics (the other files of this room).
Law: rows may be chosen, repeated and put in any order: what a metric needs of a row stands in the row itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlops.metrics.task import Task
from mlops.workloads.metrics.weighted import Array


def as_measured(task: Task, truth: Array, names: Sequence[Any], naive: Array | None = None) -> Array:
    """Return the truth as metrics take it.

    Quantiles: `[N, 1 + Q]`, the value and the level of each quantile, `names`. Forecasts: `[N, 2 * ahead]`, the values and
    what the seasonal naive forecast says, where `naive` is given. Every other truth is taken as it is.
    """
    if task is Task.QUANTILE:
        levels = np.broadcast_to(np.asarray(names, dtype=np.float64), (len(truth), len(names)))
        return np.column_stack([truth.astype(np.float64), levels])
    if task is Task.FORECASTING and naive is not None:
        return np.column_stack([truth, naive])
    return truth


def true_values(truth: Array, predicted: Array) -> Array:
    """Return the values alone, in the shape of the predictions."""
    values: Array = truth if truth.ndim == 1 else truth[:, : predicted.shape[1]]
    return values
