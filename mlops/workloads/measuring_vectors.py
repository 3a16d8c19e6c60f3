"""Measure predictions of several numbers a row.

Lives here: as_measured, and the functions that the metrics of several labels, of quantiles and of forecasts name.
Not here: which metrics there are (mlops.metrics), one number a row (measuring).
Law: rows may be chosen, repeated and put in any order: what a metric needs beside the truth stands in the row itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sk

from mlops.metrics.task import Task

Array = npt.NDArray[Any]


def as_measured(task: Task, truth: Array, names: Sequence[Any], naive: Array | None = None) -> Array:
    """Return the truth as metrics take it, with what they compare it with beside it in each row.

    Quantiles: `[N, 1 + Q]`, the value and the level of each quantile, `names`. Forecasts: `[N, 2 * ahead]`, the values and
    what the seasonal naive forecast says, where `naive` is given. Every other truth is taken as it is.
    """
    if task is Task.QUANTILE:
        levels = np.broadcast_to(np.asarray(names, dtype=np.float64), (len(truth), len(names)))
        return np.column_stack([truth.astype(np.float64), levels])
    if task is Task.FORECASTING and naive is not None:
        return np.column_stack([truth, naive])
    return truth


def macro_auc(truth: Array, predicted: Array) -> float:
    known = [index for index in range(truth.shape[1]) if len(np.unique(truth[:, index])) == 2]
    values = [sk.roc_auc_score(truth[:, index], predicted[:, index]) for index in known]
    return float(np.mean(values)) if values else math.nan


def macro_f1(truth: Array, predicted: Array) -> float:
    return float(sk.f1_score(truth > 0.5, predicted >= 0.5, average="macro", zero_division=0.0))


def micro_f1(truth: Array, predicted: Array) -> float:
    return float(sk.f1_score(truth > 0.5, predicted >= 0.5, average="micro", zero_division=0.0))


def subset_accuracy(truth: Array, predicted: Array) -> float:
    return float(np.mean(np.all((truth > 0.5) == (predicted >= 0.5), axis=1)))


def hamming(truth: Array, predicted: Array) -> float:
    return float(np.mean((truth > 0.5) != (predicted >= 0.5)))


def pinball(truth: Array, predicted: Array) -> float:
    if truth.ndim == 1:
        return math.nan
    above = truth[:, :1] - predicted
    return float(np.mean(np.maximum(truth[:, 1:] * above, (truth[:, 1:] - 1) * above)))


def coverage(truth: Array, predicted: Array) -> float:
    if truth.ndim == 1:
        return math.nan
    return float(np.mean((truth[:, 0] >= predicted.min(axis=1)) & (truth[:, 0] <= predicted.max(axis=1))))


def width(truth: Array, predicted: Array) -> float:
    return float(np.mean(predicted.max(axis=1) - predicted.min(axis=1)))


def values_of(truth: Array, predicted: Array) -> Array:
    """Return the truth of forecasts without the naive ones beside it."""
    return truth[:, : predicted.shape[1]]


def mase(truth: Array, predicted: Array) -> float:
    steps = predicted.shape[1]
    if truth.shape[1] != 2 * steps:
        return math.nan
    naive = np.nanmean(np.abs(truth[:, :steps] - truth[:, steps:])) if len(truth) else 0.0
    return float(np.mean(np.abs(truth[:, :steps] - predicted)) / naive) if naive > 0 else math.nan


def smape(truth: Array, predicted: Array) -> float:
    values = values_of(truth, predicted)
    size = (np.abs(values) + np.abs(predicted)) / 2
    return float(np.mean(np.divide(np.abs(values - predicted), size, out=np.zeros_like(size), where=size > 0)))
