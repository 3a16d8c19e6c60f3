"""Compute what compares probabilities.

Lives here: log loss, the score of Brier, the expected calibration error.
Not here: making probabilities honest (training.calibration).
Law: probabilities of several classes are brought to a sum of 1 in double precision.
"""

from __future__ import annotations

import numpy as np

from mlops.workloads.metrics.weighted import Array, mean, ratio, totals

_BINS = 10


def log_loss(truth: Array, predicted: Array, weights: Array) -> Array:
    if predicted.ndim == 1:
        likely = np.clip(predicted.astype(np.float64), 1e-7, 1 - 1e-7)
        return mean(weights, -np.log(np.where(truth == 1, likely, 1 - likely)))
    likely = np.clip(normal(predicted), 1e-12, 1)
    normed = likely / likely.sum(axis=1, keepdims=True)
    return mean(weights, -np.log(normed[np.arange(len(truth)), truth.astype(np.int64)]))


def brier(truth: Array, predicted: Array, weights: Array) -> Array:
    if predicted.ndim == 1:
        return mean(weights, (predicted - truth).astype(np.float64) ** 2)
    exact = np.eye(predicted.shape[1])[truth.astype(np.int64)]
    return mean(weights, ((normal(predicted) - exact) ** 2).sum(axis=1))


def calibration_error(truth: Array, predicted: Array, weights: Array) -> Array:
    """The expected calibration error of Naeini (2015), over ten bins of equal width."""
    if predicted.ndim == 1:
        sure, right = predicted.astype(np.float64), (truth == 1).astype(np.float64)
    else:
        sure, right = normal(predicted).max(axis=1), (predicted.argmax(axis=1) == truth).astype(np.float64)
    bins = np.clip((sure * _BINS).astype(np.int64), 0, _BINS - 1)
    return ratio(np.abs(totals(weights, bins, _BINS, sure - right)).sum(axis=1), weights.sum(axis=1))


def normal(predicted: Array) -> Array:
    """Return probabilities whose sum is 1 in double precision."""
    double = predicted.astype(np.float64)
    sums: Array = double / double.sum(axis=1, keepdims=True)
    return sums
