"""Read tables and queries of MySQL and MariaDB.

Lives here: MysqlReader.
Not here: what all databases share (database).
Law: nothing is written there; the password stands in no text that DuckDB could quote.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import duckdb

from mlops.config.schema.sources.mysql import MysqlSource
from mlops.workloads.data.duckdb_extensions import open_with_extensions
from mlops.workloads.data.sources.database import AttachedDatabase, attach, create_secret, login_of, reached
from mlops.workloads.data.sources.source import Place

_SETTINGS = ("mysql_session_time_zone = '+00:00'", "mysql_time_as_time = true", "mysql_query_timeout_enabled = false")


class MysqlReader:
    """Reads one table or query. A query is not carried out in the transaction of DuckDB, so what was read is held against
    the fingerprint once more afterwards."""

    _database: AttachedDatabase | None = None

    def fingerprint(self, spec: MysqlSource, place: Place) -> str:
        return self._opened(spec, place).fingerprint(spec)

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: MysqlSource, place: Place) -> None:
        self._opened(spec, place).copy_to(connection, table_name, spec, first=place.first)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _opened(self, spec: MysqlSource, place: Place) -> AttachedDatabase:
        if self._database is None:
            connection = open_with_extensions("mysql_scanner")
            for setting in _SETTINGS:
                connection.execute(f"SET {setting}").fetchall()
            options = dict(parse_qsl(urlsplit(spec.uri).query))
            with reached(spec.uri, place):
                create_secret(connection, "mysql", {**login_of(spec, place), **options})
                attach(connection, "", "TYPE mysql, SECRET login")
            self._database = AttachedDatabase(connection, "mysql_query", is_snapshot=False)
        return self._database
