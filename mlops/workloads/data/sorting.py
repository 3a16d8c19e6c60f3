"""Sort the rows of a result.

Lives here: sorted_batches, which streams a table of DuckDB in the order of its content.
Not here: what the rows are (sql), where they are kept (rows), rows that the first columns leave in a tie (ties).
Law: the order depends on the content alone; rows that compare as equal are written as the same bytes (columns.ContractTypes
makes 0.0 of -0.0 and a missing value of NaN).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa

from mlops.workloads.data.ahead import ahead
from mlops.workloads.data.rows import IMAGE_WINDOW, WINDOW
from mlops.workloads.data.sql_text import quoted
from mlops.workloads.data.ties import in_order_of_all

_PLAIN = ("FLOAT", "DOUBLE", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DATE", "TIMESTAMP", "VARCHAR", "BOOLEAN")
_FEW = 1_000_000
"""Rows that are soon sorted by all columns."""
_LOOKED_AT = 200_000
FETCHED = 250_000
"""Rows that are fetched at once at most: the next ones wait in memory while they are put in order."""
_SPARE = 50
"""How many times as many combinations of values as rows there must be for ties to be rare."""


def sorted_batches(connection: duckdb.DuckDBPyConnection, table: str) -> Iterable[pa.RecordBatch]:
    """Return the rows of a table, sorted by every column, the first before the others; missing values come last.

    A key of every column is longer than the rows. So a long table is sorted by the columns that leave few ties, and then its
    ties by the others. Which columns these are changes the time and nothing else.
    """
    columns = [(str(row[0]), str(row[1])) for row in connection.execute(f"DESCRIBE {quoted(table)}").fetchall()]
    keys = [quoted(name) for name, _ in columns]
    count = _leading(connection, table, columns)
    sql = f"SELECT * FROM {quoted(table)} ORDER BY {', '.join(keys[:count])}"  # noqa: S608
    window = IMAGE_WINDOW if any(kind == "BLOB" for _, kind in columns) else WINDOW
    batches = ahead(connection.sql(sql).to_arrow_reader(min(window, FETCHED)))
    if count == len(columns):
        return batches
    return in_order_of_all(batches, [name for name, _ in columns[:count]], keys[count:])


def _leading(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[tuple[str, str]]) -> int:
    """Return how many of the first columns leave few ties among the rows, by what some of the rows show."""
    rows = int(connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchall()[0][0])  # noqa: S608
    if rows < _FEW:
        return len(columns)
    counts = ", ".join(f"approx_count_distinct({quoted(name)})" for name, _ in columns)
    some = f"SELECT * FROM {quoted(table)} LIMIT {_LOOKED_AT}"  # noqa: S608
    distinct = connection.execute(f"SELECT {counts} FROM ({some})").fetchall()[0]  # noqa: S608
    combinations = 1
    for place, ((_, kind), values) in enumerate(zip(columns, distinct, strict=True), start=1):
        if kind not in _PLAIN:
            break
        combinations *= max(1, int(values))
        if combinations >= _SPARE * rows:
            return place
    return len(columns)
