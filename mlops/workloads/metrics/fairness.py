"""Compute what differs between groups.

Lives here: demographic parity, equal opportunity and equalized odds, as differences and as ratios.
Not here: which rows are a group (training.evaluation.slices).
Law: a group of fewer than 30 rows, or a rate of fewer than ten, says nothing and is left out; NaN where fewer than two say
something.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlops.workloads.metrics.weighted import Array, ratio

FEWEST_ROWS, _FEWEST_OF_RATE = 30, 10


def demographic_parity_difference(truth: Array, predicted: Array, groups: Array, *, threshold: float = 0.5) -> float:
    return _difference(Rates.of(truth, predicted, groups, threshold).positive)


def demographic_parity_ratio(truth: Array, predicted: Array, groups: Array, *, threshold: float = 0.5) -> float:
    return _ratio(Rates.of(truth, predicted, groups, threshold).positive)


def equal_opportunity_difference(truth: Array, predicted: Array, groups: Array, *, threshold: float = 0.5) -> float:
    return _difference(Rates.of(truth, predicted, groups, threshold).true_positive)


def equalized_odds_difference(truth: Array, predicted: Array, groups: Array, *, threshold: float = 0.5) -> float:
    rates = Rates.of(truth, predicted, groups, threshold)
    return max(_difference(rates.true_positive), _difference(rates.false_positive))


def equalized_odds_ratio(truth: Array, predicted: Array, groups: Array, *, threshold: float = 0.5) -> float:
    rates = Rates.of(truth, predicted, groups, threshold)
    return min(_ratio(rates.true_positive), _ratio(rates.false_positive))


@dataclass(frozen=True)
class Rates:
    """For each group: the share of its rows, of its true and of its false ones, that is predicted to be true."""

    positive: Array
    true_positive: Array
    false_positive: Array

    @classmethod
    def of(cls, truth: Array, predicted: Array, groups: Array, threshold: float) -> Rates:
        """`groups`: a number for each row, -1 for a row of none."""
        kept = groups >= 0
        truth, groups, said = truth[kept] == 1, groups[kept], predicted[kept] >= threshold
        size = int(groups.max(initial=-1)) + 1
        is_large = np.bincount(groups, minlength=size) >= FEWEST_ROWS

        def rate(rows: Array) -> Array:
            count = np.bincount(groups, rows, minlength=size)
            share = ratio(np.bincount(groups, rows & said, minlength=size), count)
            return share[is_large & (count >= _FEWEST_OF_RATE)]

        return cls(rate(np.ones(len(truth), dtype=bool)), rate(truth), rate(~truth))


def _difference(rates: Array) -> float:
    return float(rates.max() - rates.min()) if len(rates) > 1 else math.nan


def _ratio(rates: Array) -> float:
    if len(rates) < 2:
        return math.nan
    return float(rates.min() / rates.max()) if rates.max() > 0 else 1.0
