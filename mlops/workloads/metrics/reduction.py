"""Compute what judges a reduction.

Lives here: explained_variance, and unexplained, what components leave unexplained.
Not here: which metrics there are (mlops.metrics.reduction).
Law: components are held against features by least squares, whatever made them.
"""

from __future__ import annotations

import numpy as np

from mlops.workloads.metrics.unlabelled import Unlabelled
from mlops.workloads.metrics.weighted import Array, mean, ratio


def explained_variance(truth: Array, predicted: Array, weights: Array) -> Array:
    features = Unlabelled.of(truth).features
    if not features.shape[1]:
        return np.full(len(weights), np.nan)
    left = mean(weights, unexplained(truth, predicted) ** 2)
    # The variance of each version of the rows: the mean of squares less the squared mean, feature by feature.
    middle = (weights @ features) / weights.sum(axis=1, keepdims=True)
    whole = mean(weights, features**2) - (middle**2).mean(axis=1)
    return 1 - ratio(left, whole)


def unexplained(truth: Array, predicted: Array) -> Array:
    """Return the features less the best linear function of the components, `[N, W]`."""
    features = Unlabelled.of(truth).features
    given = np.column_stack([predicted.astype(np.float64), np.ones(len(predicted))])
    solution, *_ = np.linalg.lstsq(given, features, rcond=None)
    left: Array = features - given @ solution
    return left
