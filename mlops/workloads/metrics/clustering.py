"""Compute what judges clusters.

Lives here: silhouette, davies_bouldin, calinski_harabasz, adjusted_rand; with scikit-learn.
Not here: which metrics there are (mlops.metrics.clustering).
Law: equal rows in equal order give equal numbers; where only one cluster has rows, there is no number.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from sklearn import metrics as sk

from mlops.workloads.metrics.unlabelled import Unlabelled
from mlops.workloads.metrics.weighted import Array

_SAMPLE = 2_000
"""Rows that the silhouette is measured on: its time and memory grow with their square."""


def silhouette(truth: Array, predicted: Array) -> float:
    chosen = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), _SAMPLE)).astype(int))
    return _separation(sk.silhouette_score, truth[chosen], predicted[chosen])


def davies_bouldin(truth: Array, predicted: Array) -> float:
    return _separation(sk.davies_bouldin_score, truth, predicted)


def calinski_harabasz(truth: Array, predicted: Array) -> float:
    return _separation(sk.calinski_harabasz_score, truth, predicted)


def adjusted_rand(truth: Array, predicted: Array) -> float:
    rows = Unlabelled.of(truth)
    return float(sk.adjusted_rand_score(rows.labels, rows.clusters(predicted))) if rows.has_labels else math.nan


def _separation(score: Callable[[Array, Array], float], truth: Array, predicted: Array) -> float:
    rows = Unlabelled.of(truth)
    clusters = rows.clusters(predicted)
    if not 2 <= len(np.unique(clusters)) < len(clusters) or not rows.features.shape[1]:
        return math.nan
    return float(score(rows.features, clusters))
