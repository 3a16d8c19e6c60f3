"""Describe a data set.

Lives here: profile_of, a deterministic summary of the train split and of the counts of all.
Not here: comparing profiles (monitoring).
Law: equal rows give equal profiles, to the last digit written.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.dataset import Dataset

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_MOST = 20


def profile_of(splits: dict[str, pa.Table], table: pa.Table, dataset: Dataset, *, source_rows: int) -> dict[str, Any]:
    """Return what profile.json holds. `table`: the rows of all splits, before they were split."""
    profile: dict[str, Any] = {
        "format": 1,
        "rows": {
            "source": source_rows,
            "result": table.num_rows,
            **{name: rows.num_rows for name, rows in splits.items()},
        },
        "columns": {name: _column(splits["train"][name]) for name in table.column_names},
    }
    if dataset.split.time_column is not None:
        column = table[dataset.split.time_column]
        profile["oldest"], profile["newest"] = str(pc.min(column).as_py()), str(pc.max(column).as_py())
    return profile


def _column(column: pa.ChunkedArray) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "count": len(column), "missing": column.null_count, "distinct": pc.count_distinct(column).as_py(),
    }  # fmt: skip
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values = column.drop_null().to_numpy().astype(np.float64)
        if len(values):
            summary |= {"min": _round(values.min()), "max": _round(values.max()), "mean": _round(values.mean())}
            summary["std"] = _round(values.std())
            summary["quantiles"] = {str(q): _round(np.quantile(values, q)) for q in _QUANTILES}
        return summary
    counts = sorted(((str(v["values"]), v["counts"]) for v in pc.value_counts(column.drop_null()).to_pylist()),
                    key=lambda pair: (-pair[1], pair[0]))  # fmt: skip
    summary["most"] = [list(pair) for pair in counts[:_MOST]]
    return summary


def _round(value: Any) -> float:
    return float(f"{float(value):.12g}")
