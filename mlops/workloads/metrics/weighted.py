"""Add up rows that count more than once.

Lives here: Array, the totals that metrics are made of, ratio, and ranks of predictions.
Not here: the metrics (the other files of this room), drawing weights (intervals).
Law: weights are `[B, N]`: B versions of the same N rows; what is made of them is `[B]`, or `[B, K]` for K groups of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_FEW = 16
"""Up to as many groups, a product of matrices is faster than counting."""


def ones(count: int) -> Array:
    """Return the weights of rows that count once."""
    return np.ones((1, count))


def mean(weights: Array, values: Array) -> Array:
    """`values`: one for each row, or several, which count alike."""
    values = values.mean(axis=1) if values.ndim == 2 else values
    return ratio(weights @ np.asarray(values, dtype=np.float64), weights.sum(axis=1))


def totals(weights: Array, groups: Array, size: int, values: Array | None = None) -> Array:
    """Return the sum of `values`, or of ones, in each group `[B, size]`. `groups`: a number below `size` for each row."""
    if size <= _FEW:
        of_group = np.zeros((len(groups), size))
        of_group[np.arange(len(groups)), groups] = 1.0 if values is None else values
        return np.asarray(weights @ of_group)
    parts = [np.bincount(groups, row if values is None else row * values, minlength=size) for row in weights]
    return np.stack(parts)


def ratio(above: Array, below: Array) -> Array:
    """Divide, with NaN where there is nothing to divide by."""
    quotient = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


@dataclass(frozen=True)
class Ranked:
    """Weights of the true and of the false rows, `[B, G]`: a column for each value that is predicted, the lowest first."""

    positive: Array
    negative: Array

    @classmethod
    def of(cls, truth: Array, predicted: Array, weights: Array) -> Ranked:
        """`truth`: 0 and 1. Rows that are sorted already are not sorted again, and the same rows are not ranked twice running."""
        given = (truth, predicted, weights)
        if _LAST and all(one is other for one, other in zip(given, _LAST[0], strict=True)):
            ranked: Ranked = _LAST[1]
            return ranked
        if len(predicted) > 1 and (np.diff(predicted) < 0).any():
            order = np.argsort(predicted, kind="stable")
            truth, predicted, weights = truth[order], predicted[order], weights[:, order]
        starts = np.flatnonzero(np.concatenate([[True], np.diff(predicted) != 0]))
        positive = weights * (truth == 1)
        negative = weights - positive
        if len(starts) < len(predicted):
            positive, negative = (np.add.reduceat(part, starts, axis=1) for part in (positive, negative))
        made = cls(positive, negative)
        _LAST[:] = [given, made]
        return made


_LAST: list[Any] = []
"""What was ranked last, and its ranks: several metrics read the ranks of the same rows."""
