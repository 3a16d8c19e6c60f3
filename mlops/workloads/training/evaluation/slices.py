"""Measure rows apart.

Lives here: groups_of, the rows of each value of a column, and sliced, their metrics and what differs between them.
Not here: the metrics (workloads.metrics), rows that nobody named (weak_slices).
Law: at most 200 values of a column, the most frequent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from mlops.metrics.metric import Metric
from mlops.metrics.table import metrics_of
from mlops.metrics.task import Task
from mlops.workloads.metrics.intervals import intervals_of
from mlops.workloads.metrics.measure import measure, measure_between
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.stage import failed

_MOST_SLICES = 200


@dataclass(frozen=True)
class Measuring:
    """What rows of one task are measured by. `own`: metrics of the model itself."""

    task: Task
    threshold: float = 0.5
    own: Sequence[Metric] = ()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (*metrics_of(self.task), *self.own)

    def values(self, truth: Array, predicted: Array, *, split: str = "test") -> dict[str, float]:
        return measure(self.task, truth, predicted, split=split, threshold=self.threshold, own=self.own)

    def between(self, truth: Array, predicted: Array, groups: Groups) -> dict[str, float]:
        return measure_between(self.task, truth, predicted, groups.of_row, threshold=self.threshold)

    def intervals(self, truth: Array, predicted: Array, values: Mapping[str, float]) -> dict[str, list[float]]:
        return intervals_of(self.metrics, truth, predicted, values, threshold=self.threshold)


@dataclass(frozen=True)
class Groups:
    """Values of a column, and which row has which: a place among `names`, -1 for those that are not among them."""

    names: Sequence[str]
    of_row: Array = field(repr=False)

    def rows(self, place: int) -> Array:
        return np.flatnonzero(self.of_row == place)


def groups_of(raw: pa.Table, column: str) -> Groups:
    """Raises MlopsError where there is no such column."""
    if column not in raw.column_names:
        raise failed("no such column", f"`slices` names `{column}`; the data set has {', '.join(raw.column_names)}.")
    encoded = raw[column].combine_chunks().dictionary_encode(null_encoding="encode")
    texts = np.asarray([str(value) for value in encoded.dictionary.to_pylist()], dtype=str)
    names, same = np.unique(texts, return_inverse=True)
    places = same[encoded.indices.to_numpy(zero_copy_only=False)]
    counts = np.bincount(places, minlength=len(names))
    most = sorted(range(len(names)), key=lambda place: (-counts[place], names[place]))[:_MOST_SLICES]
    kept = np.full(len(names), -1)
    kept[sorted(most)] = np.arange(len(most))
    return Groups([str(names[place]) for place in sorted(most)], kept[places])


def sliced(
    raw: pa.Table, columns: Sequence[str], measuring: Measuring, truth: Array, predicted: Array
) -> dict[str, dict[str, Any]]:
    """Return what is written of slices: `slices`, column -> value -> metrics, and `fairness`, column -> what differs."""
    grouped = {column: groups_of(raw, column) for column in columns}
    slices = {column: slices_of(groups, measuring, truth, predicted) for column, groups in grouped.items()}
    between = {column: measuring.between(truth, predicted, groups) for column, groups in grouped.items()}
    fairness = {column: values for column, values in between.items() if values}
    return {"slices": slices, **({"fairness": fairness} if fairness else {})}


def slices_of(groups: Groups, measuring: Measuring, truth: Array, predicted: Array) -> dict[str, Any]:
    """Return value -> metrics, their intervals, and rows."""
    out: dict[str, Any] = {}
    for place, name in enumerate(groups.names):
        rows = groups.rows(place)
        values = measuring.values(truth[rows], predicted[rows])
        intervals = measuring.intervals(truth[rows], predicted[rows], values)
        out[name] = {**values, "rows": len(rows), **({"intervals": intervals} if intervals else {})}
    return out
