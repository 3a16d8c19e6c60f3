"""Describe a data set.

Lives here: profile_of, a deterministic summary of the train split and of the counts of all.
Not here: comparing profiles (monitoring).
Law: equal rows give equal profiles, to the last digit written; one column at a time is in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.dataset import Dataset
from mlops.workloads.data.rows import Rows
from mlops.workloads.data.splits.split import Numbers

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_MOST = 20


def profile_of(rows: Rows, numbers: Mapping[str, Numbers], kept: Numbers, dataset: Dataset) -> dict[str, Any]:
    """Return what profile.json holds, without the columns. `kept`: the numbers of the rows that were split."""
    profile: dict[str, Any] = {
        "format": 1,
        "rows": {"result": len(kept), **{name: len(part) for name, part in numbers.items()}},
    }
    if dataset.split.time_column is not None:
        bounds = pc.min_max(_taken(rows[dataset.split.time_column], kept))
        profile["oldest"], profile["newest"] = str(bounds["min"].as_py()), str(bounds["max"].as_py())
    return profile


def column_profile(rows: Rows, name: str, train: Numbers) -> dict[str, Any]:
    """Return the summary of one column. `train`: the numbers of the rows that are described."""
    column = _taken(rows[name], train)
    summary: dict[str, Any] = {"count": len(column), "missing": column.null_count}
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return summary | _of_numbers(column.drop_null().to_numpy())
    if pa.types.is_binary(column.type):
        return summary | _of_images(column.drop_null())
    return summary | _of_values(column.drop_null())


def _taken(column: pa.ChunkedArray, numbers: Numbers) -> pa.ChunkedArray:
    if len(numbers) == len(column):
        return column
    if len(numbers) and numbers[-1] - numbers[0] == len(numbers) - 1:
        return column.slice(int(numbers[0]), len(numbers))
    return column.take(pa.array(numbers))


def _of_numbers(given: npt.NDArray[Any]) -> dict[str, Any]:
    if not len(given):
        return {"distinct": 0}
    values = given.astype(np.float64, copy=False)
    summary: dict[str, Any] = {"min": _round(values.min()), "max": _round(values.max()), "mean": _round(values.mean())}
    summary["std"] = _round(values.std())
    del values
    ordered = np.sort(given)
    summary["distinct"] = 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
    summary["quantiles"] = {str(q): _round(_quantile(ordered, q)) for q in _QUANTILES}
    return summary


def _quantile(ordered: npt.NDArray[Any], share: float) -> Any:
    """Return a quantile of sorted numbers as np.quantile does, which would look for its two neighbours among all."""
    place = share * (len(ordered) - 1)
    low = int(place)
    neighbours = ordered[[low, min(low + 1, len(ordered) - 1)]].astype(np.float64)
    return np.quantile(neighbours, place - low)


def _of_images(column: pa.ChunkedArray) -> dict[str, Any]:
    """Return how many different images there are, and how large their files are."""
    sizes = pc.binary_length(column).to_numpy()
    distinct = pc.count_distinct(column).as_py()
    if not len(sizes):
        return {"distinct": 0}
    return {
        "distinct": distinct,
        "bytes": {"min": int(sizes.min()), "max": int(sizes.max()), "mean": _round(sizes.mean())},
    }


def _of_values(column: pa.ChunkedArray) -> dict[str, Any]:
    counted = pc.value_counts(column)
    values, counts = counted.field("values"), counted.field("counts").to_numpy()
    if len(counts) > _MOST:
        least = np.partition(counts, len(counts) - _MOST)[len(counts) - _MOST]
        more, same = np.flatnonzero(counts > least), np.flatnonzero(counts == least)
        first = pc.select_k_unstable(values.take(pa.array(same)), k=_MOST, sort_keys=[("", "ascending")])
        chosen = np.concatenate([more, same[first.to_numpy()]])
        values, counts = values.take(pa.array(chosen)), counts[chosen]
    pairs = ((str(value), int(count)) for value, count in zip(values.to_pylist(), counts, strict=True))
    most = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:_MOST]
    return {"distinct": len(counted), "most": [list(pair) for pair in most]}


def _round(value: Any) -> float:
    return float(f"{float(value):.12g}")
