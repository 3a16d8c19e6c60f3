"""Bring raw values into the shape that the graph takes.

Lives here: the types of the graph's inputs, and read_columns (Parquet to arrays).
Not here: rows of requests (serving), encoding (graph).
Law: missing is NaN, the empty text or the smallest integer; nothing else stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

MISSING_INT = np.iinfo(np.int64).min
DTYPES = {
    "bool": "double",
    "int": "double",
    "float": "double",
    "string": "string",
    "date": "int64",
    "timestamp": "int64",
}


def read_columns(path: Path, columns: Mapping[str, str]) -> dict[str, npt.NDArray[Any]]:
    """`columns`: name -> type of the contract. Arrays are `[N, 1]`: float64, object (str) or int64."""
    table = pq.read_table(path, columns=list(columns))
    return {name: to_input(table[name], kind) for name, kind in columns.items()}


def to_input(column: pa.ChunkedArray, kind: str) -> npt.NDArray[Any]:
    match DTYPES[kind]:
        case "string":
            values = column.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False).astype(object)
        case "int64":
            whole = column.cast(pa.int32()).cast(pa.int64()) if kind == "date" else column.cast(pa.int64())
            values = whole.fill_null(int(MISSING_INT)).to_numpy(zero_copy_only=False)
        case _:
            values = column.cast(pa.int8()) if kind == "bool" else column
            values = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    reshaped: npt.NDArray[Any] = np.asarray(values).reshape(-1, 1)
    return reshaped


def feature_types(schema: Mapping[str, Any]) -> dict[str, str]:
    """Name -> type of the columns that are features, in the order of the features."""
    types = {column["name"]: column["type"] for column in schema["columns"]}
    features = schema["features"]
    named: Iterable[str] = (
        *features["numeric"],
        *features["categorical"],
        *features["cyclic"],
        *features["passthrough"],
    )
    return {name: types[name] for name in named}
