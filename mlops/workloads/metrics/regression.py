"""Compute what compares numbers.

Lives here: RMSE, MAE, MAPE, R² and the pinball loss.
Not here: residuals (training.evaluation.plots).
Law: all is computed in double precision.
"""

from __future__ import annotations

import numpy as np

from mlops.workloads.metrics.quantile import mean_pinball
from mlops.workloads.metrics.truth import values_of
from mlops.workloads.metrics.weighted import Array, mean, ratio


def rmse(truth: Array, predicted: Array, weights: Array) -> Array:
    return np.sqrt(mean(weights, _off(truth, predicted) ** 2))


def mae(truth: Array, predicted: Array, weights: Array) -> Array:
    return mean(weights, np.abs(_off(truth, predicted)))


def mape(truth: Array, predicted: Array, weights: Array) -> Array:
    """NaN where a label is 0: nothing is a share of it."""
    if (truth == 0).any():
        return np.full(len(weights), np.nan)
    return mean(weights, np.abs(_off(truth, predicted) / truth.astype(np.float64)))


def r2(truth: Array, predicted: Array, weights: Array) -> Array:
    """1 for a label that never varies and is met, 0 for one that is not, as scikit-learn has it."""
    if len(truth) < 2:
        return np.full(len(weights), np.nan)
    exact = truth.astype(np.float64)
    moved = exact - exact.mean()  # so that the difference of two large sums loses nothing
    rows, first, second = weights.sum(axis=1), weights @ moved, weights @ moved**2
    spread = second - ratio(first**2, rows)
    left = weights @ _off(truth, predicted) ** 2
    constant = np.where(left == 0, 1.0, 0.0)
    return np.where(spread > 0, 1 - left / np.where(spread > 0, spread, 1.0), constant)


def pinball_loss(truth: Array, predicted: Array, weights: Array) -> Array:
    """Of the median, where one number is predicted."""
    if predicted.ndim == 2:
        return mean_pinball(truth, predicted, weights)
    return mean(weights, pinball_of(truth, predicted, 0.5))


def pinball_of(truth: Array, predicted: Array, level: float) -> Array:
    """Return the loss of each row where `predicted` is to be the quantile of this level."""
    off = -_off(truth, predicted)
    return np.maximum(level * off, (level - 1) * off)


def _off(truth: Array, predicted: Array) -> Array:
    difference: Array = predicted.astype(np.float64) - values_of(truth, predicted).astype(np.float64)
    return difference
