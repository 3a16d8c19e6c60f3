"""Read sheets of Excel.

Lives here: sheet_rows, and forget_sheets.
Not here: which files, and what is done with the columns (files).
Law: a workbook is read through DuckDB's extension, in a database of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from mlops.config.schema.sources.source import FileSpec
from mlops.workloads.data.duckdb_extensions import copy_rows, open_with_extensions
from mlops.workloads.data.sources.csv import SQL_TYPES
from mlops.workloads.data.sql_text import literal, quoted
from mlops.workloads.stage import failed

_ROWS = "mlops sheets"


def sheet_rows(
    connection: duckdb.DuckDBPyConnection, spec: FileSpec, paths: Sequence[str], *, where: str, file_column: str
) -> str:
    """Return SQL for the rows of a sheet of each file, with the path of each in `file_column`. Raises MlopsError."""
    options = {"sheet": spec.sheet, "range": spec.range}
    given = "".join(f", {name} = {literal(value)}" for name, value in options.items() if value is not None)
    call = f"header = {str(spec.header).lower()}{given}"
    parts = [
        f"SELECT *, {literal(path)} AS {quoted(file_column)} FROM read_xlsx({literal(path)}, {call})"  # noqa: S608
        for path in paths
    ]
    with open_with_extensions("excel") as reading:
        try:
            forget_sheets(connection)
            copy_rows(reading, " UNION ALL BY NAME ".join(parts), connection, _ROWS)
        except duckdb.Error as error:
            raise failed("source cannot be read", f"{where}: {_explained(str(error))}") from error
    table = connection.sql(f"FROM {quoted(_ROWS)}")
    casts = [
        f"{_cast(name, str(type_), spec)} AS {quoted(name)}"
        for name, type_ in zip(table.columns, table.types, strict=True)
        if name in spec.types
    ]
    replaced = f"REPLACE ({', '.join(casts)}) " if casts else ""
    return f"(SELECT * {replaced}FROM {quoted(_ROWS)})"


def forget_sheets(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove what `sheet_rows` kept in the database."""
    connection.execute(f"DROP TABLE IF EXISTS {quoted(_ROWS)}").fetchall()


def _cast(name: str, type_: str, spec: FileSpec) -> str:
    """Return SQL for a column in the type that the source says. Excel knows one type of number: whole ones get no `.0`."""
    value = quoted(name)
    if spec.types[name] == "string" and type_ == "DOUBLE":
        return f"CASE WHEN {value} = trunc({value}) THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) ELSE CAST({value} AS VARCHAR) END"
    return f"CAST({value} AS {SQL_TYPES[spec.types[name]]})"


def _explained(text: str) -> str:
    """Return an error of DuckDB with what helps."""
    kept = " ".join(text.strip().split()).rstrip(".")
    if "Failed to parse cell" in text:
        return (
            f"{kept}. A column's type is that of its first row; write the others of the column alike, or say the `range` that "
            "holds the table."
        )
    if "No rows found" in text or "empty" in text.lower():
        return f"{kept}. Say the `sheet`, and the `range` that holds the table."
    return f"{kept}. `sheet` names the sheet, and `range` the cells of the table, such as A3:F200."
