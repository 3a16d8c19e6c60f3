"""Sort the rows of a result.

Lives here: sorted_batches, which streams a table of DuckDB in the order of its content.
Not here: what the rows are (sql), where they are kept (rows).
Law: the order depends on the content alone; rows that compare as equal are equal to the last bit.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from mlops.workloads.data.rows import WINDOW
from mlops.workloads.data.sql_text import quoted

_FLOATS = ("FLOAT", "DOUBLE")


def sorted_batches(connection: duckdb.DuckDBPyConnection, table: str) -> pa.RecordBatchReader:
    """Return the rows of a table, sorted by every column, the first before the others; missing values come last."""
    columns = [(row[0], row[1]) for row in connection.execute(f"DESCRIBE {quoted(table)}").fetchall()]
    keys = [quoted(name) for name, _ in columns]
    keys += [f"signbit({quoted(name)}) DESC" for name in _of_two_zeros(connection, table, columns)]
    sql = f"SELECT * FROM {quoted(table)} ORDER BY {', '.join(keys)}"  # noqa: S608
    return connection.sql(sql).to_arrow_reader(WINDOW)


def _of_two_zeros(connection: duckdb.DuckDBPyConnection, table: str, columns: list[tuple[str, str]]) -> list[str]:
    """Return the columns that hold -0.0, which compares as equal to 0.0 and is written as other bytes."""
    floats = [name for name, kind in columns if kind in _FLOATS]
    if not floats:
        return []
    tests = ", ".join(f"bool_or({quoted(name)} = 0 AND signbit({quoted(name)}))" for name in floats)
    found = connection.execute(f"SELECT {tests} FROM {quoted(table)}").fetchall()[0]  # noqa: S608
    return [name for name, has in zip(floats, found, strict=True) if has]
