"""Compute what compares how rows are ordered.

Lives here: the areas under the curves of ROC and of precision and recall, and lift.
Not here: their curves (training.evaluation.plots).
Law: rows of equal predictions count as one step, in whatever order they stand.
"""

from __future__ import annotations

import numpy as np

from mlops.workloads.metrics.weighted import Array, Ranked, ratio

_DECILE = 0.1


def auc(truth: Array, predicted: Array, weights: Array) -> Array:
    ranked = Ranked.of(truth, predicted, weights)
    below = ranked.negative.cumsum(axis=1) - ranked.negative / 2
    won = np.einsum("bn,bn->b", ranked.positive, below)
    return ratio(won, ranked.positive.sum(axis=1) * ranked.negative.sum(axis=1))


def auc_ovr(truth: Array, predicted: Array, weights: Array) -> Array:
    each = [auc((truth == place).astype(np.int64), predicted[:, place], weights) for place in range(predicted.shape[1])]
    averaged: Array = np.stack(each).mean(axis=0)
    return averaged


def average_precision(truth: Array, predicted: Array, weights: Array) -> Array:
    ranked = Ranked.of(truth, predicted, weights)
    positive, negative = ranked.positive[:, ::-1], ranked.negative[:, ::-1]
    found = positive.cumsum(axis=1)
    precise = np.nan_to_num(ratio(found, found + negative.cumsum(axis=1)))
    alone = negative.sum(axis=1) == 0
    area = ratio(np.einsum("bn,bn->b", positive, precise), positive.sum(axis=1))
    return np.where(alone, np.nan, area)


def lift(truth: Array, predicted: Array, weights: Array) -> Array:
    """How many times more true rows the tenth with the highest predictions has than any tenth; rows of equal
    predictions are shared out."""
    ranked = Ranked.of(truth, predicted, weights)
    positive = ranked.positive[:, ::-1]
    found, seen = positive.cumsum(axis=1), (positive + ranked.negative[:, ::-1]).cumsum(axis=1)
    all_rows, all_true = seen[:, -1], found[:, -1]
    start = np.zeros(1)
    reached = [
        np.interp(_DECILE * rows, np.concatenate([start, at]), np.concatenate([start, got]))
        for rows, at, got in zip(all_rows, seen, found, strict=True)
    ]
    return ratio(np.asarray(reached), _DECILE * all_true)
