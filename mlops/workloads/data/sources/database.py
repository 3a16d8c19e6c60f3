"""Read tables and queries of a database that DuckDB attaches.

Lives here: AttachedDatabase, one database in one transaction: its fingerprint, its rows; attach, create_secret, reached.
Not here: attaching a database of one kind (postgres, mysql, sqlite).
Law: the rows that are copied are those that were fingerprinted, because both are read in one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import duckdb

from mlops.config.schema.sources.database import DatabaseSpec, TableSpec
from mlops.errors import MlopsError, near
from mlops.workloads.data.duckdb_extensions import copy_rows
from mlops.workloads.data.sources.selection import selected
from mlops.workloads.data.sources.source import Place
from mlops.workloads.data.sql_text import literal, quoted
from mlops.workloads.stage import failed

ATTACHED = "source"
"""What the database is attached as."""
_OF_THE_SERVER = ("information_schema", "pg_catalog", "mysql", "performance_schema", "sys")


class AttachedDatabase:
    """A database that is attached to `connection` as `source`. `query_function`: the function of DuckDB that hands it SQL of
    its own, such as postgres_query. `is_snapshot`: whether all that is read in one transaction is of one moment."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, query_function: str, *, is_snapshot: bool = True) -> None:
        self._connection = connection
        self._query_function = query_function
        self._is_snapshot = is_snapshot
        self._found: str | None = None
        connection.execute("BEGIN").fetchall()

    def fingerprint(self, spec: TableSpec) -> str:
        """Return the digest of what `version_query` gives, or else of the names, types and rows of what is read."""
        if spec.version_query is not None:
            self._found = "version-" + _digest(self._texts(self._own_sql(spec.version_query)))
        else:
            self._found = "rows-" + content_digest(self._connection, self.rows_query(spec))
        return self._found

    def copy_to(
        self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: TableSpec, *, first: int | None = None
    ) -> None:
        """Make the table of what is read, or of its `first` rows. Raises MlopsError where the rows are no longer those that
        were fingerprinted."""
        copy_rows(self._connection, self.rows_query(spec), connection, table_name, first=first)
        before = self._found
        if before is not None and not self._is_snapshot and self.fingerprint(spec) != before:
            raise failed(
                "source changed while it was read",
                f"`{spec.uri}` (source {table_name}) has other rows now than when the reading began. Run the same command "
                "again, or read what no longer changes, such as `query: SELECT … WHERE day < '2024-01-01'`.",
            )

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()

    def rows_query(self, spec: TableSpec) -> str:
        """Return the SQL that gives the rows of a source. Raises MlopsError where there is no such table."""
        rows = self._own_sql(spec.query) if spec.query is not None else self._table(str(spec.table))
        return selected(rows, columns=spec.columns, types=spec.types)

    def _own_sql(self, sql: str) -> str:
        return f"{self._query_function}('{ATTACHED}', {literal(sql.strip().rstrip(';'))})"

    def _table(self, name: str) -> str:
        """Return the name of a table as DuckDB's SQL writes it. `name` may begin with a schema and a dot."""
        listed = self._connection.execute(
            "SELECT database_name, schema_name, table_name FROM duckdb_tables() UNION ALL "
            "SELECT database_name, schema_name, view_name FROM duckdb_views()"
        ).fetchall()
        found = [(schema, table) for at, schema, table in listed if at == ATTACHED and schema not in _OF_THE_SERVER]
        default = self._default_schema(found)
        for schema, table in found:
            if name in (f"{schema}.{table}", table if schema == default else None):
                return f"{ATTACHED}.{quoted(schema)}.{quoted(table)}"
        there = sorted(table if schema == default else f"{schema}.{table}" for schema, table in found)
        raise MlopsError.of(
            "source not found",
            f"the database has no table `{name}` that you may read. There are: {', '.join(there[:10]) or 'none'}"
            f"{', …' if len(there) > 10 else ''}.",
            hint=near(name, there),
        )

    def _default_schema(self, found: list[tuple[str, str]]) -> str:
        schemas = {schema for schema, _ in found}
        return next((name for name in ("public", "main") if name in schemas), next(iter(schemas), ""))

    def _texts(self, rows: str) -> list[str]:
        found = self._connection.sql(f"SELECT CAST(r AS VARCHAR) FROM {rows} AS r").fetchall()  # noqa: S608
        return [str(row[0]) for row in found]


def login_of(spec: DatabaseSpec, place: Place) -> dict[str, object]:
    """Return what a uri and the fields beside it say of where to log in. Raises MlopsError for a secret without a value."""
    parts = urlsplit(spec.uri)
    return {
        "HOST": parts.hostname,
        "PORT": parts.port,
        "DATABASE": unquote(parts.path.strip("/")),
        "USER": place.secrets.fill(spec.user, field="user") if spec.user else unquote(parts.username or ""),
        "PASSWORD": place.secrets.fill(spec.password, field="password") if spec.password else None,
    }


def create_secret(connection: duckdb.DuckDBPyConnection, kind: str, fields: Mapping[str, object]) -> None:
    """Give DuckDB what it logs in with, under the name `login`. Fields without a value are left out."""
    given = [f"{name} {literal(str(value))}" for name, value in fields.items() if value not in (None, "")]
    connection.execute(f"CREATE SECRET login ({', '.join([f'TYPE {kind}', *given])})").fetchall()


def attach(connection: duckdb.DuckDBPyConnection, address: str, how: str) -> None:
    """Attach a database as `source`, to be read alone."""
    connection.execute(f"ATTACH {literal(address)} AS {ATTACHED} ({how}, READ_ONLY)").fetchall()


@contextmanager
def reached(uri: str, place: Place) -> Iterator[None]:
    """Turn errors of DuckDB into the sentence that a database cannot be reached."""
    try:
        yield
    except duckdb.Error as error:
        raise failed(
            "source cannot be reached",
            f"`{uri}`: {place.secrets.mask(str(error).strip())} Look at `uri`, `user` and `password`, and whether the server "
            "answers this machine.",
        ) from None


def content_digest(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return a digest of the names, types and rows of a query; the order of rows plays no part.

    A row counts as its text, because that is the same in each version of DuckDB.
    """
    columns = connection.execute(f"DESCRIBE {query}").fetchall()
    count, total = connection.execute(
        f"SELECT count(*), coalesce(sum(md5_number_lower(CAST(r AS VARCHAR))::HUGEINT), 0) FROM ({query}) AS r"  # noqa: S608
    ).fetchall()[0]
    return _digest([*(f"{name} {type_}" for name, type_, *_ in columns), f"{count} rows", str(total)])


def _digest(lines: list[str]) -> str:
    if not lines:
        raise failed(
            "version query gives no row", "`version_query` gives no row, so nothing tells one version from another."
        )
    return hashlib.md5("\n".join(lines).encode(), usedforsecurity=False).hexdigest()
