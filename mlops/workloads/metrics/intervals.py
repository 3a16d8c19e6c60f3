"""Say how sure metrics are.

Lives here: intervals_of, by the bootstrap: each row counts as often as chance says, again and again.
Not here: the metrics, what gates ask of an interval (kinds).
Law: the seed is fixed, and what is drawn does not depend on the machine; the time is bounded whatever the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from mlops.metrics.metric import Metric
from mlops.workloads.metrics.measure import Computation, computation_of
from mlops.workloads.metrics.weighted import Array, ones

REPLICATES = 200
MOST_ROWS = 50_000
"""More are drawn from, and the interval is made narrower by the root of their share: it is as wide as that of all rows."""
_MOST_NUMBERS = 100_000
"""Rows times classes."""
_FEWEST = 10
_SIMPLE_ROWS, _SIMPLE_REPLICATES = 2_000, 100
"""Of a metric that knows no weights, and so is computed once for each replicate."""
_LEVELS = (2.5, 97.5)
_MOST_UNKNOWN = 0.1
_DIGITS = 6
_SEED = 7


def intervals_of(
    metrics: Iterable[Metric], truth: Array, predicted: Array, values: Mapping[str, float], *, threshold: float = 0.5
) -> dict[str, list[float]]:
    """Return metric -> lower and upper bound of 95 %. `values`: of all rows. One that fewer than ten rows, or rows of one
    class, do not give is left out."""
    if len(truth) < _FEWEST:
        return {}
    width = predicted.shape[1] if predicted.ndim == 2 else 1
    drawn = drawn_rows(len(truth), min(MOST_ROWS, max(_SIMPLE_ROWS, _MOST_NUMBERS // width)))
    narrower = math.sqrt(len(drawn) / len(truth))
    truth, predicted = truth[drawn], predicted[drawn]
    if predicted.ndim == 1:
        order = np.argsort(predicted, kind="stable")
        truth, predicted = truth[order], predicted[order]
    weights = poisson_weights(REPLICATES, len(truth))
    found: dict[str, list[float]] = {}
    for metric in metrics:
        if metric.name in values:
            computation = computation_of(metric)
            repeated = _repeated if computation.is_weighted else _repeated_simply
            point, versions, share = repeated(computation, truth, predicted, weights, threshold)
            bounds = _bounds(versions, point, values[metric.name], narrower * share)
            if bounds:
                found[metric.name] = bounds
    return found


def drawn_rows(count: int, most: int, seed: int = _SEED) -> Array:
    """Return the places of at most `most` of `count` rows, in rising order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False, shuffle=False))


def poisson_weights(replicates: int, count: int) -> Array:
    """Return how often each row counts in each replicate: numbers of a Poisson distribution of mean 1 (Hanley 2006)."""
    chance = np.random.default_rng(_SEED).integers(0, 1 << 16, (replicates, count), dtype=np.uint16)
    return np.asarray(_table()[chance])


def _table() -> Array:
    likely = [math.exp(-1) / math.factorial(times) for times in range(12)]
    return np.searchsorted(np.cumsum(likely), (np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.float64)


def _repeated(
    computation: Computation, truth: Array, predicted: Array, weights: Array, threshold: float
) -> tuple[float, Array, float]:
    """Return the metric of these rows, of each replicate, and by how much narrower than theirs the interval is."""
    point = computation.weighted(truth, predicted, ones(len(truth)), threshold=threshold)
    return float(point[0]), computation.weighted(truth, predicted, weights, threshold=threshold), 1.0


def _repeated_simply(
    computation: Computation, truth: Array, predicted: Array, weights: Array, threshold: float
) -> tuple[float, Array, float]:
    places = drawn_rows(len(truth), _SIMPLE_ROWS)
    share = math.sqrt(len(places) / len(truth))
    truth, predicted = truth[places], predicted[places]
    point = computation(truth, predicted, threshold=threshold)
    chance = np.random.default_rng(_SEED).integers(0, len(truth), (_SIMPLE_REPLICATES, len(truth)))
    versions = [computation(truth[rows], predicted[rows], threshold=threshold) for rows in chance]
    return point, np.asarray(versions), share


def _bounds(versions: Array, point: float, value: float, narrower: float) -> list[float] | None:
    known = versions[np.isfinite(versions)]
    if len(known) < (1 - _MOST_UNKNOWN) * len(versions) or not math.isfinite(point):
        return None
    return [round(float(value + (bound - point) * narrower), _DIGITS) for bound in np.percentile(known, _LEVELS)]
