"""Read tables and queries of SQLite files.

Lives here: SqliteReader.
Not here: what all databases share (database), finding the file (mlops.sources.sqlite).
Law: the file that is read is the file that was fingerprinted, and nothing is written beside it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from mlops.config.schema.sources.sqlite import SqliteSource
from mlops.sources.sqlite import locate
from mlops.workloads.data.duckdb_extensions import open_with_extensions
from mlops.workloads.data.sources.database import AttachedDatabase, attach
from mlops.workloads.data.sources.source import Place


class SqliteReader:
    """Opens a table or query of an SQLite file."""

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: SqliteSource, place: Place) -> None:
        reading = open_with_extensions("sqlite_scanner")
        attach(reading, str(_to_be_read(locate(spec.uri, place.root), place.scratch)), "TYPE sqlite")
        database = AttachedDatabase(reading, "sqlite_query")
        try:
            database.copy_to(connection, table_name, spec, first=place.first)
        finally:
            database.close()


def _to_be_read(path: Path, scratch: Path) -> Path:
    """Return the file; a copy where SQLite would have to merge its write-ahead log, because that writes."""
    log = path.with_name(f"{path.name}-wal")
    if not log.is_file() or not log.stat().st_size:
        return path
    for each in (path, log):
        shutil.copyfile(each, scratch / each.name)
    return scratch / path.name
