"""Read raw rows from a file.

Lives here: read_rows_file, for Parquet, CSV, JSON and JSON Lines, and times_of, its column of time as Unix seconds.
Not here: judging the rows (replay).
Law: columns of the contract have the contract's types; a time without a zone is UTC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from mlops.errors import MlopsError

_TYPES = {
    "bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "string": pa.string(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}  # fmt: skip


def read_rows_file(path: Path, types: Mapping[str, str]) -> pa.Table:
    """Return the rows of a file. `types`: column -> type of the contract. Raises MlopsError where it holds none, or where a
    column does not fit its type."""
    try:
        table = _read(path, types)
    except OSError as error:
        raise MlopsError.of("rows cannot be read", f"{path}: {error.strerror or error}.") from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
        raise MlopsError.of(
            "rows cannot be read",
            f"{path} is no file of rows that can be read: {str(error).splitlines()[0]}. Give a .parquet, .csv, .json or .jsonl.",
        ) from error
    if not table.num_rows:
        raise MlopsError.of("no rows", f"{path} holds no rows.")
    for place, name in enumerate(table.column_names):
        if name in types and types[name] in _TYPES:
            table = table.set_column(place, name, _typed(path, name, table[name], types[name]))
    return table


def _read(path: Path, types: Mapping[str, str]) -> pa.Table:
    match path.suffix.lower():
        case ".parquet":
            return pq.read_table(path)
        case ".csv":
            texts = {name: pa.string() for name, kind in types.items() if kind == "string"}
            options = pyarrow.csv.ConvertOptions(column_types=texts, null_values=["", "NA"], strings_can_be_null=True)
            return pyarrow.csv.read_csv(path, convert_options=options)
        case ".jsonl" | ".ndjson":
            return pyarrow.json.read_json(path)
        case _:
            content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
            rows = content.get("rows", [content]) if isinstance(content, dict) else content
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ValueError("it is no list of objects")
            return pa.Table.from_pylist(rows)


def _typed(path: Path, name: str, column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    try:
        if kind == "bool" and pa.types.is_floating(column.type):
            column = column.cast(pa.int8())
        return column.cast(_TYPES[kind], safe=kind != "float")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise MlopsError.of(
            "column does not fit",
            f"{path}: `{name}` is of type {column.type}, and the model takes {kind}: {str(error).splitlines()[0]}.",
        ) from error


def times_of(table: pa.Table, name: str | None) -> npt.NDArray[np.float64] | None:
    """Return the column of time as Unix seconds, NaN where it is missing; None where the rows have no such column."""
    if name is None or name not in table.column_names:
        return None
    column = table[name]
    if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
        try:
            column = column.cast(pa.timestamp("us"))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
    numbers = column.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy().astype(np.float64)
    missing = column.is_null().to_numpy()
    return np.where(missing, np.nan, numbers / 1e6)
