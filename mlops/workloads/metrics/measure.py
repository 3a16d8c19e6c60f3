"""Measure predictions.

Lives here: measure, measure_between and compute.
Not here: which metrics there are (mlops.metrics), computing one (the other files of this room), judging (kinds).
Law: every number that is written is finite; a metric that cannot be computed for a slice is left out.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mlops.metrics.metric import Metric
from mlops.metrics.table import group_metrics_of, metrics_of
from mlops.metrics.task import Task
from mlops.workloads.metrics.weighted import Array, ones
from mlops.workloads.stage import failed

DIGITS = 10


@dataclass(frozen=True)
class Computation:
    """A function that computes a metric. `takes`: the names of its parameters.

    It is called with `truth` and `predicted`, and with what else it names: `weights` `[B, N]`, for which it gives `[B]`
    numbers instead of one, `threshold`, from where a probability is the second class, and `groups` `[N]`, which it compares.
    """

    function: Callable[..., Any]
    takes: frozenset[str]

    @property
    def is_weighted(self) -> bool:
        return "weights" in self.takes

    def __call__(self, truth: Array, predicted: Array, *, threshold: float = 0.5) -> float:
        if self.is_weighted:
            return float(self.weighted(truth, predicted, ones(len(truth)), threshold=threshold)[0])
        return float(self.function(truth, predicted, **self._given(threshold)))

    def weighted(self, truth: Array, predicted: Array, weights: Array, *, threshold: float = 0.5) -> Array:
        numbers: Array = self.function(truth, predicted, weights, **self._given(threshold))
        return numbers

    def between(self, truth: Array, predicted: Array, groups: Array, *, threshold: float = 0.5) -> float:
        return float(self.function(truth, predicted, groups, **self._given(threshold)))

    def _given(self, threshold: float) -> Mapping[str, float]:
        return {"threshold": threshold} if "threshold" in self.takes else {}


def measure(
    task: Task, truth: Array, predicted: Array, *, split: str = "test", threshold: float = 0.5,
    own: Iterable[Metric] = (),
) -> dict[str, float]:  # fmt: skip
    """Return metric -> value. `truth`: 0/1, class numbers or values. `predicted`: `[N]`, or `[N, K]` for classes.
    `own`: metrics of the model itself."""
    values = {
        metric.name: compute(metric, truth, predicted, threshold=threshold)
        for metric in (*metrics_of(task), *own)
        if split in metric.splits
    }
    return {name: round(value, DIGITS) for name, value in values.items() if math.isfinite(value)}


def measure_between(
    task: Task, truth: Array, predicted: Array, groups: Array, *, threshold: float = 0.5
) -> dict[str, float]:
    """Return metric -> value, of those that compare groups. `groups`: a number for each row, -1 for a row of none."""
    values = {
        metric.name: computation_of(metric).between(truth, predicted, groups, threshold=threshold)
        for metric in group_metrics_of(task)
    }
    return {name: round(value, DIGITS) for name, value in values.items() if math.isfinite(value)}


def compute(metric: Metric, truth: Array, predicted: Array, *, threshold: float = 0.5) -> float:
    """Return one metric, NaN where it cannot be computed. Raises MlopsError where its function is not there."""
    if not len(truth):
        return math.nan
    return computation_of(metric)(truth, predicted, threshold=threshold)


def computation_of(metric: Metric) -> Computation:
    """Raises MlopsError where the function that the metric names is not there."""
    return _computation(metric.name, metric.compute)


@cache
def _computation(name: str, path: str) -> Computation:
    module, _, function = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise failed(
            "metric cannot be computed",
            f"The metric {name} is computed by `{path}`, which cannot be imported: {error}. Correct or uninstall the "
            "package that brings it.",
        ) from error
    return Computation(found, frozenset(inspect.signature(found).parameters))
