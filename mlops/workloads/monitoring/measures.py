"""Measure how far windows are from training.

Lives here: the statistics of a window that can be calibrated, each as a function of counts.
Not here: counting (tally), how far is too far (tails, verdict).
Law: every statistic grows with what it looks for, and is the same however many windows it is computed for at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SMALLEST_THAT_MATTERS = {
    "ks": 0.1, "chi2": 0.1, "psi": 0.2, "jensen_shannon": 0.15, "missing": 0.01, "unseen": 0.01, "outside": 0.01,
    "constant": 0.3, "duplicates": 0.05, "joint": 0.2, "mean": 0.05, "answers": 0.05,
}  # fmt: skip
"""The smallest statistic that matters, where the configuration names none for the column."""


def distribution_method(method: str, kind: str) -> str:
    """Return the test of a column: `auto` is by its kind, and texts have no order."""
    if method in ("psi", "jensen_shannon"):
        return method
    return "ks" if kind == "number" else "chi2"


def distance(method: str, counts: npt.NDArray[Any], training: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the distance of distributions. `counts`: bins in the last axis, the last bin for missing values, left out."""
    left, right = _shares(training[..., :-1]), _shares(counts[..., :-1])
    if method == "ks":
        return np.asarray(np.abs(np.cumsum(left - right, axis=-1)).max(axis=-1))
    if method == "chi2":
        return np.asarray(np.abs(left - right).sum(axis=-1) / 2)
    if method == "psi":
        a, b = np.clip(left, 1e-4, None), np.clip(right, 1e-4, None)
        return np.asarray(((b - a) * np.log(b / a)).sum(axis=-1))
    middle = (left + right) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(left > 0, left * np.log2(left / middle), 0) + np.where(
            right > 0, right * np.log2(right / middle), 0
        )
    return np.asarray(np.sqrt(np.maximum(each.sum(axis=-1), 0) / 2))


def mean_scale(mean: float, deviation: float) -> float:
    """Return what the movement of a mean is measured in."""
    return max(abs(mean), deviation, 1e-12)


def missing(counts: npt.NDArray[Any], training: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return how much more often a value is missing than in training."""
    return np.asarray(np.maximum(_last(counts) - _last(training), 0.0))


def _shares(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1))


def _last(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(counts[..., -1] / np.maximum(counts.sum(axis=-1), 1))
