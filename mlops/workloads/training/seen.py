"""Say what training saw of each column.

Lives here: seen_of, which gives the part `seen` of a column of the contract.
Not here: judging a request by it (serving.seen_values).
Law: only the train split counts; a column with many different texts is free text, and its values are not listed.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops.workloads.training.data import PreparedData

_MOST_VALUES = 200
_LONGEST = 100


def seen_of(data: PreparedData, name: str) -> dict[str, Any]:
    """Return whether any value was missing, the least and the greatest number, or all texts where they are few and short."""
    file = data.folder / "train.parquet"
    if pa.types.is_binary(pq.read_schema(file).field(name).type):
        return {"missing": False}  # images may be larger than the memory, and each row has one
    column = pq.read_table(file, columns=[name])[name]
    seen: dict[str, Any] = {"missing": column.null_count > 0 or len(column) == 0}
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        bounds = pc.min_max(column)
        if bounds["min"].is_valid:
            seen |= {"min": bounds["min"].as_py(), "max": bounds["max"].as_py()}
    elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        values = sorted(value for value in pc.unique(column).to_pylist() if value is not None)
        if values and len(values) <= _MOST_VALUES and all(len(value) <= _LONGEST for value in values):
            seen["values"] = values
    return seen
