"""Search for rows that a model is bad at.

Lives here: weak_slices, conditions on one column or two under which the loss is highest.
Not here: slices that a model names (slices), the loss (row_loss).
Law: a slice is given where its loss is higher than that of all rows beyond chance, and one of two columns where it is higher
than under either alone; at most 100,000 rows and twelve columns are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from mlops.workloads.features.columns import DTYPES
from mlops.workloads.metrics.intervals import drawn_rows
from mlops.workloads.metrics.weighted import Array, ratio

_MOST_ROWS, _MOST_COLUMNS, _MOST_VALUES, _MOST_FOUND = 100_000, 12, 20, 20
_BINS = 4
_IMAGE = "uint8"
"""How images are given to a graph; no condition is on one."""
_FEWEST_ROWS, _LEAST_SHARE = 30, 0.01
_SURE = 1.96
_BEYOND = 3.0
"""Deviations of the mean that are beyond chance: hundreds of conditions are tried."""
_DIGITS = 4


@dataclass(frozen=True)
class _Binned:
    """A column as conditions: their words, and which of them each row meets (-1: none)."""

    name: str
    words: list[str]
    of_row: Array = field(repr=False)


@dataclass(frozen=True)
class _Cells:
    """Rows, mean and deviation of the loss under each condition."""

    rows: Array
    mean: Array
    error: Array

    @classmethod
    def of(cls, places: Array, size: int, losses: Array) -> _Cells:
        kept = places >= 0
        places, losses = places[kept], losses[kept]
        rows = np.bincount(places, minlength=size).astype(np.float64)
        mean = ratio(np.bincount(places, losses, minlength=size), rows)
        square = ratio(np.bincount(places, losses**2, minlength=size), rows)
        spread = np.maximum(square - mean**2, 0)
        return cls(rows, mean, np.sqrt(ratio(spread, rows)))


def weak_slices(raw: pa.Table, types: Mapping[str, str], losses: Array) -> list[dict[str, Any]]:
    """Return the worst, by how high their loss is at least. `types`: of the columns that are looked at. `losses`: of all rows
    of `raw`."""
    drawn = drawn_rows(len(losses), _MOST_ROWS)
    names = [name for name, type_ in types.items() if name in raw.column_names and DTYPES[type_] != _IMAGE]
    part, losses = raw.select(names).take(drawn), losses[drawn]
    if not len(losses):
        return []
    overall, fewest = float(losses.mean()), max(_FEWEST_ROWS, _LEAST_SHARE * len(losses))
    binned = [_binned(name, part[name], types[name]) for name in part.column_names]
    columns = [column for column in binned if len(column.words) > 1]
    alone = {column.name: _Cells.of(column.of_row, len(column.words), losses) for column in columns}
    strongest = sorted(columns, key=lambda column: (-_gain(alone[column.name], overall, fewest), column.name))
    found = [
        _found(column.words[place], cells, place, overall)
        for column in columns
        for cells in [alone[column.name]]
        for place in _weak(cells, overall, fewest)
    ]
    for first, second in combinations(sorted(strongest[:_MOST_COLUMNS], key=lambda column: column.name), 2):
        found += _of_two(first, second, alone, losses, overall=overall, fewest=fewest)
    return sorted(found, key=lambda slice_: (-slice_["low"], slice_["where"]))[:_MOST_FOUND]


def _of_two(
    first: _Binned, second: _Binned, alone: Mapping[str, _Cells], losses: Array, *, overall: float, fewest: float
) -> Iterator[dict[str, Any]]:
    width = len(second.words)
    places = np.where((first.of_row >= 0) & (second.of_row >= 0), first.of_row * width + second.of_row, -1)
    cells = _Cells.of(places, len(first.words) * width, losses)
    for place in _weak(cells, overall, fewest):
        one, other = divmod(place, width)
        parents = max(alone[first.name].mean[one], alone[second.name].mean[other])
        if cells.mean[place] - _BEYOND * cells.error[place] > parents:
            yield _found(f"{first.words[one]} and {second.words[other]}", cells, place, overall)


def _weak(cells: _Cells, overall: float, fewest: float) -> list[int]:
    low = cells.mean - _BEYOND * cells.error
    return [int(place) for place in np.flatnonzero((cells.rows >= fewest) & (low > overall))]


def _gain(cells: _Cells, overall: float, fewest: float) -> float:
    kept = cells.rows >= fewest
    return float(np.abs(cells.mean[kept] - overall).max(initial=0.0))


def _found(words: str, cells: _Cells, place: int, overall: float) -> dict[str, Any]:
    mean, error = float(cells.mean[place]), _SURE * float(cells.error[place])
    return {
        "where": words, "rows": int(cells.rows[place]), "loss": round(mean, _DIGITS), "low": round(mean - error, _DIGITS),
        "high": round(mean + error, _DIGITS), "all": round(overall, _DIGITS),
    }  # fmt: skip


def _binned(name: str, column: pa.ChunkedArray, kind: str) -> _Binned:
    if DTYPES.get(kind) == "double" and kind != "bool":
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        if len(np.unique(values[np.isfinite(values)])) > _MOST_VALUES:
            return _ranges(name, values)
    return _values(name, column)


def _values(name: str, column: pa.ChunkedArray) -> _Binned:
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    texts = [
        f"{name} is missing" if value is None else f"{name} is {value}" for value in encoded.dictionary.to_pylist()
    ]
    counts = np.bincount(codes, minlength=len(texts))
    most = sorted(sorted(range(len(texts)), key=lambda code: (-counts[code], texts[code]))[:_MOST_VALUES])
    kept = np.full(len(texts), -1)
    kept[most] = np.arange(len(most))
    return _Binned(name, [texts[code] for code in most], kept[codes])


def _ranges(name: str, values: Array) -> _Binned:
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _BINS + 1)[1:-1]))
    places = np.where(known, np.searchsorted(edges, np.where(known, values, 0), side="right"), len(edges) + 1)
    shown = [f"{edge:.4g}" for edge in edges]
    between = [f"{name} from {low} to {high}" for low, high in pairwise(shown)]
    words = [f"{name} below {shown[0]}", *between, f"{name} from {shown[-1]}", f"{name} is missing"]
    return _Binned(name, words, places)
