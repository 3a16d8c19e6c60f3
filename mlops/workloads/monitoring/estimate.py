"""Estimate how a model does before labels come.

Lives here: estimated_metric, from how sure the model is of the rows of a window.
Not here: counting how sure it is (tally), what was right on the validation split (live_reference).
Law: it is an estimate: it holds as long as a prediction of some confidence is as often right as it was on the validation split,
which concept drift breaks and drift of the columns does not.

Source: Guillory et al., "Predicting with confidence on unseen distributions" (ICCV 2021), and confidence-based performance
estimation as NannyML describes it: what each bin of confidence is right about is calibrated, then summed over the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops.metrics.task import Task

_DRAWS = 300
_LEVELS = (2.5, 97.5)
ESTIMATED = {Task.BINARY: "auc", Task.MULTICLASS: "accuracy"}
"""Task -> the metric that can be estimated."""


def estimated_metric(
    task: Task, counts: npt.NDArray[Any], right: Sequence[int], seen: Sequence[int]
) -> tuple[float, float, float] | None:
    """Return the estimate and its 95 % interval; None where there is none.

    `counts`: rows of the window in each bin of confidence, the missing left out. `right` of `seen`: rows of the validation split
    in each bin that were right; of two classes, that were of the second. The interval is of how few rows both are.
    """
    width = len(counts)
    hits, trials = np.asarray(right[:width], dtype=float), np.asarray(seen[:width], dtype=float)
    if task not in ESTIMATED or counts.sum() < 1 or not trials.sum():
        return None
    prior = hits.sum() / trials.sum()
    chance = np.random.default_rng(0)
    shares = chance.beta(hits + prior + 1e-3, trials - hits + (1 - prior) + 1e-3, (_DRAWS, width))
    drawn = chance.binomial(counts.astype(np.int64), shares)
    expected = counts * (hits + prior) / (trials + 1)
    of_all = _metric(task, counts, expected[None])[0]
    versions = _metric(task, counts, drawn.astype(float))
    known = versions[np.isfinite(versions)]
    if not np.isfinite(of_all) or len(known) < _DRAWS // 2:
        return None
    low, high = np.percentile(known, _LEVELS)
    return round(float(of_all), 4), round(float(low), 4), round(float(high), 4)


def _metric(task: Task, counts: npt.NDArray[Any], seconds: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the metric for each row of `seconds`: rows of each bin, in the order of the score, that are of the second class."""
    if task is Task.MULTICLASS:
        return np.asarray(seconds.sum(axis=1) / counts.sum())
    firsts = counts - seconds
    below = np.cumsum(firsts, axis=1) - firsts
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((seconds * (below + firsts / 2)).sum(axis=1) / (seconds.sum(axis=1) * firsts.sum(axis=1)))
