"""Compute what compares chosen classes.

Lives here: accuracy, precision, recall, F1 and their kind, of two classes and of several.
Not here: probabilities (probability), order (ranking).
Law: of two classes, the second is chosen from `threshold` on; of several, the likeliest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlops.workloads.metrics import multilabel
from mlops.workloads.metrics.weighted import Array, mean, ratio, totals

_FEW_CLASSES = 4


def accuracy(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    return mean(weights, chosen_class(predicted, threshold) == truth)


def balanced_accuracy(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    found = Confusion.of(truth, predicted, weights, threshold)
    recall = ratio(found.right, found.true)
    there = found.true > 0
    return ratio(np.where(there, recall, 0.0).sum(axis=1), there.sum(axis=1))


def mcc(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    """The correlation of Gorodkin (2004), which for two classes is that of Matthews; 0 where one class alone is chosen."""
    found = Confusion.of(truth, predicted, weights, threshold)
    all_rows, right = weights.sum(axis=1), found.right.sum(axis=1)
    together = right * all_rows - (found.true * found.said).sum(axis=1)
    spread = (all_rows**2 - (found.said**2).sum(axis=1)) * (all_rows**2 - (found.true**2).sum(axis=1))
    return np.where(spread > 0, together / np.sqrt(np.where(spread > 0, spread, 1.0)), 0.0)


def positive_rate(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    return mean(weights, predicted >= threshold)


def false_positive_rate(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    return 1 - Confusion.of(truth, predicted, weights, threshold).recall()[:, 0]


def precision(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    return _zero(Confusion.of(truth, predicted, weights, threshold).precision()[:, 1])


def recall(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    return _zero(Confusion.of(truth, predicted, weights, threshold).recall()[:, 1])


def f1(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    return _zero(Confusion.of(truth, predicted, weights, threshold).f1()[:, 1])


def macro_precision(truth: Array, predicted: Array, weights: Array) -> Array:
    found = Confusion.of(truth, predicted, weights)
    return found.macro(found.precision())


def macro_recall(truth: Array, predicted: Array, weights: Array) -> Array:
    found = Confusion.of(truth, predicted, weights)
    return found.macro(found.recall())


def macro_f1(truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
    if truth.ndim == 2:
        return multilabel.macro_f1(truth, predicted, weights, threshold=threshold)
    found = Confusion.of(truth, predicted, weights)
    return found.macro(found.f1())


def weighted_precision(truth: Array, predicted: Array, weights: Array) -> Array:
    found = Confusion.of(truth, predicted, weights)
    return found.by_rows(found.precision())


def weighted_recall(truth: Array, predicted: Array, weights: Array) -> Array:
    found = Confusion.of(truth, predicted, weights)
    return found.by_rows(found.recall())


def weighted_f1(truth: Array, predicted: Array, weights: Array) -> Array:
    found = Confusion.of(truth, predicted, weights)
    return found.by_rows(found.f1())


def top_3_accuracy(truth: Array, predicted: Array, weights: Array) -> Array:
    return _top(3, truth, predicted, weights)


def top_5_accuracy(truth: Array, predicted: Array, weights: Array) -> Array:
    return _top(5, truth, predicted, weights)


def chosen_class(predicted: Array, threshold: float = 0.5) -> Array:
    """Return the number of each row's class."""
    places: Array = (predicted >= threshold).astype(np.int64) if predicted.ndim == 1 else predicted.argmax(axis=1)
    return places


@dataclass(frozen=True)
class Confusion:
    """Rows of each class `[B, K]`: those that are of it, those that are said to be, and those of both."""

    true: Array
    said: Array
    right: Array

    @classmethod
    def of(cls, truth: Array, predicted: Array, weights: Array, threshold: float = 0.5) -> Confusion:
        size = 2 if predicted.ndim == 1 else predicted.shape[1]
        true, said = truth.astype(np.int64), chosen_class(predicted, threshold)
        if size <= _FEW_CLASSES:
            cells = totals(weights, true * size + said, size * size).reshape(len(weights), size, size)
            return cls(cells.sum(axis=2), cells.sum(axis=1), np.diagonal(cells, axis1=1, axis2=2))
        right = totals(weights, true, size, (true == said).astype(np.float64))
        return cls(totals(weights, true, size), totals(weights, said, size), right)

    def precision(self) -> Array:
        return ratio(self.right, self.said)

    def recall(self) -> Array:
        return ratio(self.right, self.true)

    def f1(self) -> Array:
        return ratio(2 * self.right, self.true + self.said)

    def macro(self, scores: Array) -> Array:
        """Return the mean over the classes that are there or are said to be."""
        there = self.true + self.said > 0
        return ratio(np.where(there, _zero(scores), 0.0).sum(axis=1), there.sum(axis=1))

    def by_rows(self, scores: Array) -> Array:
        """Return the mean over the classes, each by how many rows are of it."""
        return ratio((_zero(scores) * self.true).sum(axis=1), self.true.sum(axis=1))


def _zero(scores: Array) -> Array:
    """A class that is never said has precision 0, and one that is not there recall 0."""
    return np.nan_to_num(scores, nan=0.0)


def _top(count: int, truth: Array, predicted: Array, weights: Array) -> Array:
    if predicted.shape[1] <= count:
        return np.full(len(weights), np.nan)
    best = np.argsort(-predicted, axis=1, kind="stable")[:, :count]
    return mean(weights, (best == truth[:, None]).any(axis=1))
