"""Read the columns that a source asks for.

Lives here: selected.
Not here: the rows that they are taken from (the other files of this room).
Law: columns and types are as the data set says, in its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mlops.config.schema.column_types import ColumnType
from mlops.workloads.data.sources.csv import SQL_TYPES
from mlops.workloads.data.sql_text import quoted


def selected(rows: str, *, columns: Iterable[str] | None, types: Mapping[str, ColumnType]) -> str:
    """Return the SQL of some columns of `rows`, which is a table or a call. `columns`: None for all."""
    if types:
        casts = [f"CAST({quoted(name)} AS {SQL_TYPES[type_]}) AS {quoted(name)}" for name, type_ in types.items()]
        rows = f"(SELECT * REPLACE ({', '.join(casts)}) FROM {rows})"  # noqa: S608
    return f"SELECT {'*' if columns is None else ', '.join(map(quoted, columns))} FROM {rows}"  # noqa: S608
