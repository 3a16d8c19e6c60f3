"""Say how sure metrics are.

Lives here: intervals_of, by the bootstrap: each row counts as often as chance says, again and again.
Not here: the metrics, what gates ask of an interval (kinds).
Law: the seed is fixed, and what is drawn does not depend on the machine; the time is bounded, however many rows there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mlops.metrics.metric import Metric
from mlops.workloads.metrics.measure import Computation, computation_of
from mlops.workloads.metrics.weighted import Array

REPLICATES = 200
MOST_ROWS = 5_000
"""Of more, some stand for the others: each counts as often as chance says of all that it stands for, so that the interval is
as wide as that of all rows."""
_MOST_NUMBERS = 50_000
"""Rows times classes."""
_FEWEST, _FEWEST_DRAWN = 10, 1_000
_MOST_STRATA = 50
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
    drawn = Drawn.of(truth, predicted, min(MOST_ROWS, max(_FEWEST_DRAWN, _MOST_NUMBERS // width)))
    found: dict[str, list[float]] = {}
    for metric in metrics:
        if metric.name in values:
            computation = computation_of(metric)
            if computation.is_weighted:
                point, versions = drawn.repeated(computation, threshold)
                narrower = 1.0
            else:
                point, versions, narrower = _repeated_simply(computation, truth, predicted, threshold)
            bounds = _bounds(versions, point, values[metric.name], narrower)
            if bounds:
                found[metric.name] = bounds
    return found


@dataclass(frozen=True)
class Drawn:
    """Rows that stand for all, sorted by what is predicted. `weights`: for how many rows each stands, and how often it counts
    in each replicate."""

    truth: Array
    predicted: Array
    weights: Array

    @classmethod
    def of(cls, truth: Array, predicted: Array, most: int) -> Drawn:
        """Rare classes keep all of their rows, as far as each class has its share of `most`."""
        places, counts = _representatives(truth, most)
        if predicted.ndim == 1:
            order = np.argsort(predicted[places], kind="stable")
            places, counts = places[order], counts[order]
        weights = np.concatenate([counts[None], poisson_weights(REPLICATES, counts)])
        return cls(truth[places], predicted[places], weights)

    def repeated(self, computation: Computation, threshold: float) -> tuple[float, Array]:
        """Return the metric of these rows, and of each replicate."""
        numbers = computation.weighted(self.truth, self.predicted, self.weights, threshold=threshold)
        return float(numbers[0]), numbers[1:]


def _representatives(truth: Array, most: int) -> tuple[Array, Array]:
    """Return places in rising order, and for how many rows each stands."""
    if len(truth) <= most:
        return np.arange(len(truth)), np.ones(len(truth))
    strata = np.unique(truth) if truth.ndim == 1 else ()
    rows = (
        [np.flatnonzero(truth == value) for value in strata]
        if 0 < len(strata) <= _MOST_STRATA
        else [np.arange(len(truth))]
    )
    left, places, counts = most, [], []
    for done, group in enumerate(sorted(rows, key=len)):
        kept = group[drawn_rows(len(group), max(1, left // (len(rows) - done)))]
        left -= len(kept)
        places.append(kept)
        counts.append(np.full(len(kept), len(group) / len(kept)))
    joined = np.concatenate(places)
    order = np.argsort(joined, kind="stable")
    return joined[order], np.concatenate(counts)[order]


def drawn_rows(count: int, most: int, seed: int = _SEED) -> Array:
    """Return the places of at most `most` of `count` rows, in rising order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False, shuffle=False))


def poisson_weights(replicates: int, counts: Array) -> Array:
    """Return how often each row counts in each replicate: numbers of a Poisson distribution (Hanley 2006) whose mean is the
    number of rows that it stands for."""
    chance = np.random.default_rng(_SEED).integers(0, 1 << 16, (replicates, len(counts)), dtype=np.uint16)
    if (counts == 1).all():
        return np.asarray(_table(1.0)[chance])
    weights = np.empty(chance.shape)
    for count in np.unique(counts):
        of_count = np.flatnonzero(counts == count)
        weights[:, of_count] = _table(float(count))[chance[:, of_count]]
    return weights


def _table(mean: float) -> Array:
    """Return the quantiles of the distribution, so that a whole number of chance gives one in the same way everywhere."""
    most = int(mean + 10 * math.sqrt(mean) + 20)
    likely = [math.exp(times * math.log(mean) - mean - math.lgamma(times + 1)) for times in range(most)]
    return np.searchsorted(np.cumsum(likely), (np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.float64)


def _repeated_simply(
    computation: Computation, truth: Array, predicted: Array, threshold: float
) -> tuple[float, Array, float]:
    """Return the metric of some rows, of each replicate, and by how much narrower the interval of all rows is."""
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
