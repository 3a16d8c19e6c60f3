"""Compute what judges anomaly scores.

Lives here: label_auc, label_average_precision, share_flagged, reconstruction_error.
Not here: which metrics there are (mlops.metrics.anomaly).
Law: a score is from 0 to 1, and from 0.5, or the threshold that is given, a row is flagged.
"""

from __future__ import annotations

import numpy as np

from mlops.workloads.metrics import ranking
from mlops.workloads.metrics.reduction import unexplained
from mlops.workloads.metrics.unlabelled import Unlabelled
from mlops.workloads.metrics.weighted import Array, mean

_MOST = 1 - 2.0**-24
"""The largest score below 1: the error of a row beyond it is not known any better."""


def label_auc(truth: Array, predicted: Array, weights: Array) -> Array:
    return ranking.auc(truth[:, 0], predicted, weights) if Unlabelled.of(truth).has_labels else _none(weights)


def label_average_precision(truth: Array, predicted: Array, weights: Array) -> Array:
    if not Unlabelled.of(truth).has_labels:
        return _none(weights)
    return ranking.average_precision(truth[:, 0], predicted, weights)


def share_flagged(truth: Array, predicted: Array, weights: Array, threshold: float = 0.5) -> Array:
    return mean(weights, (predicted >= threshold).astype(np.float64))


def reconstruction_error(truth: Array, predicted: Array, weights: Array) -> Array:
    """Of a score, the error that it was made of; of components, what a linear function of them leaves of the features."""
    if predicted.ndim == 2:
        left = unexplained(truth, predicted)
        return mean(weights, (left**2).mean(axis=1)) if left.shape[1] else _none(weights)
    score = np.minimum(predicted.astype(np.float64), _MOST)
    return mean(weights, truth[:, 1] * score / (1 - score))


def _none(weights: Array) -> Array:
    return np.full(len(weights), np.nan)
