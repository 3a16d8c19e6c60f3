"""Compute what compares several labels of a row.

Lives here: mean AUC and F1 over the labels, F1 of all together, the share of rows that are right, and Hamming's.
Not here: one label (classification, ranking).
Law: a label is chosen from `threshold` on; one that is always true, or always false, has no AUC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlops.workloads.metrics.ranking import auc
from mlops.workloads.metrics.weighted import Array, mean, ratio


def macro_auc(truth: Array, predicted: Array, weights: Array) -> Array:
    each = np.stack([auc(truth[:, place], predicted[:, place], weights) for place in range(truth.shape[1])])
    known = ~np.isnan(each)
    return ratio(np.where(known, each, 0.0).sum(axis=0), known.sum(axis=0))


def macro_f1_of_labels(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    found = LabelTotals.of(truth, predicted, weights, threshold)
    scores: Array = np.nan_to_num(ratio(2 * found.right, found.true + found.chosen)).mean(axis=1)
    return scores


def micro_f1(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    found = LabelTotals.of(truth, predicted, weights, threshold)
    scores: Array = np.nan_to_num(ratio(2 * found.right.sum(axis=1), (found.true + found.chosen).sum(axis=1)))
    return scores


def subset_accuracy(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    return mean(weights, ((truth > 0.5) == (predicted >= threshold)).all(axis=1))


def hamming(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    return mean(weights, (truth > 0.5) != (predicted >= threshold))


@dataclass(frozen=True)
class LabelTotals:
    """Rows in which each label `[B, K]` is true, is chosen, and is both."""

    true: Array
    chosen: Array
    right: Array

    @classmethod
    def of(cls, truth: Array, predicted: Array, weights: Array, threshold: float) -> LabelTotals:
        true, chosen = truth > 0.5, predicted >= threshold
        return cls(weights @ true, weights @ chosen, weights @ (true & chosen))
