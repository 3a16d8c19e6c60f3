"""Compute what compares quantiles with what came.

Lives here: the mean pinball loss, how often the truth is inside, and how wide that is.
Not here: one number (regression).
Law: a row of truth is the value and the levels of the quantiles (truth); a value alone has no levels, and so no metric.
"""

from __future__ import annotations

import numpy as np

from mlops.workloads.metrics.weighted import Array, mean


def mean_pinball(truth: Array, predicted: Array, weights: Array) -> Array:
    if truth.ndim == 1:
        return np.full(len(weights), np.nan)
    above, levels = truth[:, :1] - predicted, truth[:, 1:]
    return mean(weights, np.maximum(levels * above, (levels - 1) * above))


def coverage(truth: Array, predicted: Array, weights: Array) -> Array:
    value = truth if truth.ndim == 1 else truth[:, 0]
    return mean(weights, (value >= predicted.min(axis=1)) & (value <= predicted.max(axis=1)))


def width(truth: Array, predicted: Array, weights: Array) -> Array:
    return mean(weights, predicted.max(axis=1) - predicted.min(axis=1))
