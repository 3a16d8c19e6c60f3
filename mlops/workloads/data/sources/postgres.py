"""Read tables and queries of PostgreSQL.

Lives here: PostgresReader.
Not here: what all databases share (database).
Law: nothing is written there; the password stands in no text that DuckDB could quote.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import duckdb

from mlops.config.schema.sources.postgres import PostgresSource
from mlops.workloads.data.duckdb_extensions import open_with_extensions
from mlops.workloads.data.sources.database import AttachedDatabase, attach, create_secret, login_of, reached
from mlops.workloads.data.sources.source import Place

_DEFAULTS = {"connect_timeout": "10", "application_name": "mlops"}


class PostgresReader:
    """Reads one table or query, in one transaction."""

    _database: AttachedDatabase | None = None

    def fingerprint(self, spec: PostgresSource, place: Place) -> str:
        return self._opened(spec, place).fingerprint(spec)

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: PostgresSource, place: Place) -> None:
        self._opened(spec, place).copy_to(connection, table_name, spec, first=place.first)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _opened(self, spec: PostgresSource, place: Place) -> AttachedDatabase:
        if self._database is None:
            connection = open_with_extensions("postgres_scanner")
            options = dict(parse_qsl(urlsplit(spec.uri).query))
            login = login_of(spec, place)
            login |= {name.upper(): options.pop(name) for name in ("host", "port") if name in options}
            with reached(spec.uri, place):
                create_secret(connection, "postgres", login)
                address = " ".join(f"{name}={_libpq(value)}" for name, value in {**_DEFAULTS, **options}.items())
                attach(connection, address, "TYPE postgres, SECRET login")
            self._database = AttachedDatabase(connection, "postgres_query")
        return self._database


def _libpq(value: str) -> str:
    """Return a value as it stands in a connection string of PostgreSQL."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
