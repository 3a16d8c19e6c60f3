"""Reading a real PostgreSQL: tables, queries, what pins them, who logs in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mlops.errors import MlopsError
from tests.postgres import fresh_database, server
from tests.workloads.reading import fingerprint, read

pytestmark = pytest.mark.slow
PASSWORD = "s3cret'w\\ith \"quotes"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server(PASSWORD) as found:
        yield fresh_database(found)


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS other CASCADE")
        connection.exec_driver_sql("DROP TABLE IF EXISTS t")
        connection.exec_driver_sql("CREATE TABLE t (a int, b text, c numeric(10, 2), d timestamptz)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 'x', 1.25, '2024-01-01 00:00+02'), (2, NULL, NULL, NULL)")
    yield engine
    engine.dispose()


@pytest.fixture
def source(url: str, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A source without `table` or `query`, as a data set says it."""
    monkeypatch.setenv("PG_PASSWORD", PASSWORD)
    made = sa.make_url(url)
    uri = f"postgres://localhost/{made.database}?host={made.query['host']}"
    return {"uri": uri, "user": "mlops", "password": "${secret:PG_PASSWORD}"}


def run(engine: sa.Engine, sql: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(sql)


def test_postgres_table_is_read_with_its_types(tmp_path: Path, source: dict[str, Any]) -> None:
    columns, rows = read(tmp_path, {**source, "table": "t", "columns": ["a", "b", "c"]})
    assert columns == ["a INTEGER", "b VARCHAR", "c DECIMAL(10,2)"]
    assert [(row[0], row[1], row[2] and float(row[2])) for row in rows] == [(1, "x", 1.25), (2, None, None)]
    assert read(tmp_path, {**source, "table": "t", "types": {"c": "float"}, "columns": ["c"]})[0] == ["c DOUBLE"]
    assert "d TIMESTAMP WITH TIME ZONE" in read(tmp_path, {**source, "table": "public.t"})[0]


def test_postgres_query_is_carried_out_there(tmp_path: Path, source: dict[str, Any]) -> None:
    query = "SELECT a, coalesce(b, 'none') AS b, c::text ~ '^1' AS begins FROM t WHERE a < 9 ORDER BY a;"
    assert read(tmp_path, {**source, "query": query}) == (
        ["a INTEGER", "b VARCHAR", "begins BOOLEAN"], [(1, "x", True), (2, "none", None)]
    )  # fmt: skip


def test_postgres_schema_beside_public_is_named(tmp_path: Path, engine: sa.Engine, source: dict[str, Any]) -> None:
    run(engine, "CREATE SCHEMA other")
    run(engine, 'CREATE TABLE other."T 2" (a int)')
    run(engine, 'INSERT INTO other."T 2" VALUES (7)')
    assert read(tmp_path, {**source, "table": "other.T 2"}) == (["a INTEGER"], [(7,)])


def test_postgres_content_pins_rows_whatever_their_order(
    tmp_path: Path, engine: sa.Engine, source: dict[str, Any]
) -> None:
    source = {**source, "table": "t"}
    first = fingerprint(tmp_path, source)
    run(engine, "CREATE TABLE other AS SELECT * FROM t ORDER BY a DESC")
    run(engine, "DROP TABLE t")
    run(engine, "ALTER TABLE other RENAME TO t")
    assert fingerprint(tmp_path, source) == first
    run(engine, "INSERT INTO t (a) VALUES (2)")
    second = fingerprint(tmp_path, source)
    assert second != first
    run(engine, "ALTER TABLE t ALTER a TYPE bigint")
    assert fingerprint(tmp_path, source) not in (first, second)


def test_postgres_rows_that_moved_are_refused(tmp_path: Path, engine: sa.Engine, source: dict[str, Any]) -> None:
    pinned = fingerprint(tmp_path, {**source, "table": "t"})
    run(engine, "UPDATE t SET b = 'y'")
    with pytest.raises(MlopsError, match="source is not the pinned one"):
        read(tmp_path, {**source, "table": "t"}, pinned=pinned)


def test_postgres_version_query_pins_in_place_of_rows(
    tmp_path: Path, engine: sa.Engine, source: dict[str, Any]
) -> None:
    source = {**source, "table": "t", "version_query": "SELECT max(a) FROM t"}
    first = fingerprint(tmp_path, source)
    run(engine, "UPDATE t SET b = 'y'")
    assert fingerprint(tmp_path, source) == first
    run(engine, "INSERT INTO t (a) VALUES (3)")
    assert fingerprint(tmp_path, source) != first


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ({"table": "tt"}, r"no table `tt` .* There are: t\."),
        ({"table": "t", "version_query": "SELECT a FROM t WHERE false"}, "gives no row"),
        ({"query": "SELECT nope FROM t"}, 'column "nope" does not exist'),
        ({"query": "DELETE FROM t RETURNING a"}, "cannot be read: .* syntax error"),
        ({"table": "t", "columns": ["nope"]}, "nope"),
        ({"table": "t", "password": "${secret:NOT_THERE}"}, "needs the secret NOT_THERE"),
        ({"table": "t", "uri": "postgres://127.0.0.1:1/d"}, "source cannot be reached: `postgres://127.0.0.1:1/d`"),
    ],
)
def test_postgres_that_cannot_be_read_is_a_sentence(
    tmp_path: Path, source: dict[str, Any], change: dict[str, Any], sign: str
) -> None:
    with pytest.raises(MlopsError, match=sign):
        fingerprint(tmp_path, {**source, **change})


def test_wrong_password_is_in_no_message(
    tmp_path: Path, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_PASSWORD", "wrong-password-of-mine")
    with pytest.raises(MlopsError, match="password authentication failed") as caught:
        fingerprint(tmp_path, {**source, "table": "t"})
    assert "wrong-password-of-mine" not in str(caught.value)
