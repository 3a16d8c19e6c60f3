"""Compute what compares forecasts with what came.

Lives here: MASE, sMAPE, and the errors of each step ahead.
Not here: RMSE and MAE (regression).
Law: a row of truth is the values of all steps and, where they are known, what the seasonal naive forecast says (truth).
"""

from __future__ import annotations

import numpy as np

from mlops.workloads.metrics.truth import true_values
from mlops.workloads.metrics.weighted import Array, mean, ratio


def mase(truth: Array, predicted: Array, weights: Array) -> Array:
    """Hyndman and Koehler (2006), with the naive forecasts of the rows that are measured; NaN where they are not known."""
    steps = predicted.shape[1]
    if truth.shape[1] != 2 * steps:
        return np.full(len(weights), np.nan)
    values = truth[:, :steps].astype(np.float64)
    return ratio(mean(weights, np.abs(values - predicted)), mean(weights, np.abs(values - truth[:, steps:])))


def smape(truth: Array, predicted: Array, weights: Array) -> Array:
    values = true_values(truth, predicted).astype(np.float64)
    size = (np.abs(values) + np.abs(predicted)) / 2
    return mean(weights, np.divide(np.abs(values - predicted), size, out=np.zeros_like(size), where=size > 0))


def errors_by_step(truth: Array, predicted: Array) -> list[dict[str, float]]:
    """Return the mean absolute error of each step ahead, and that of the naive forecast where it is known."""
    steps = predicted.shape[1]
    values = true_values(truth, predicted)
    points = []
    for step in range(steps):
        point = {"ahead": float(step + 1), "mae": float(np.abs(values[:, step] - predicted[:, step]).mean())}
        if truth.shape[1] == 2 * steps:
            point["naive_mae"] = float(np.abs(values[:, step] - truth[:, steps + step]).mean())
        points.append({name: round(value, 6) for name, value in point.items()})
    return points
