"""Open databases that read what DuckDB alone cannot.

Lives here: open_with_extensions, a database with extensions loaded from installed packages; copy_rows, which hands rows to
the database of the SQL.
Not here: what is read with them (sources), the database of the SQL (sql).
Law: nothing is fetched; an extension is never loaded where the SQL of a user runs, because its functions reach files and
hosts whatever the settings say (sqlite_scan and postgres_scan do, with external access off).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import duckdb

from mlops.workloads.data.sql_text import literal, quoted
from mlops.workloads.stage import failed

EXTRAS: Mapping[str, str] = {
    "avro": "source-iceberg",
    "aws": "source-s3",
    "azure": "source-azure",
    "delta": "source-delta",
    "excel": "source-excel",
    "httpfs": "source-http",
    "iceberg": "source-iceberg",
    "mysql_scanner": "source-mysql",
    "postgres_scanner": "source-postgres",
    "sqlite_scanner": "source-sqlite",
}
"""Extension -> the extra of mlops that installs its package."""
_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False,
    "allow_persistent_secrets": False,
}  # fmt: skip
_BATCH = 100_000


def open_with_extensions(*names: str) -> duckdb.DuckDBPyConnection:
    """Return a database in memory that has these extensions, with times in UTC. Raises MlopsError where a package lacks."""
    connection = duckdb.connect(":memory:", config=_OFFLINE)
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    for name in names:
        load_extension(connection, name)
    return connection


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from the package `duckdb-extension-NAME`. Raises MlopsError where it is not installed, or is made
    for another version of DuckDB."""
    path = _extension_file(name)
    try:
        connection.execute(f"LOAD {literal(str(path))}").fetchall()
    except duckdb.Error as error:
        raise failed(
            "extension cannot be loaded",
            f"DuckDB {duckdb.__version__} cannot load {path}: {str(error).strip()} Install both anew: pip install "
            f"--force-reinstall 'mlops[{EXTRAS.get(name, 'sources')}]'",
        ) from error


def _extension_file(name: str) -> Path:
    distribution = f"duckdb-extension-{name.replace('_', '-')}"
    extra = EXTRAS.get(name, "sources")
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if found is None or not found.submodule_search_locations:
        raise failed(
            "extra is not installed",
            f"This source is read through DuckDB's extension {name}, which comes with the package {distribution}, and it is "
            f"not installed. Install it: pip install 'mlops[{extra}]'",
        )
    folder = Path(next(iter(found.submodule_search_locations))) / "extensions"
    path = folder / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not path.is_file():
        there = ", ".join(sorted(each.name.removeprefix("v") for each in folder.glob("v*"))) or "no version"
        raise failed(
            "extension is of another version",
            f"The package {distribution} is made for DuckDB {there}, and DuckDB {duckdb.__version__} is installed. Install "
            f"the versions that fit: pip install 'mlops[{extra}]'",
        )
    return path


def copy_rows(
    reading: duckdb.DuckDBPyConnection, query: str, connection: duckdb.DuckDBPyConnection, table_name: str,
    *, first: int | None = None,
) -> None:  # fmt: skip
    """Make the table `table_name` in `connection` of the rows that `query` gives in `reading`, batch by batch. `first`: of so
    many rows alone."""
    if first is not None:
        query = f"{query} LIMIT {first}"
    view = f"mlops rows of {table_name}"
    connection.register(view, reading.sql(query).to_arrow_reader(_BATCH))
    try:
        connection.execute(f"CREATE TABLE {quoted(table_name)} AS SELECT * FROM {quoted(view)}").fetchall()  # noqa: S608
    finally:
        connection.unregister(view)
