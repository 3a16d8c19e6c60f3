"""Reading a real MariaDB: tables, queries, what pins them, who logs in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mlops.errors import MlopsError
from mlops.workloads.data.sources import database
from tests.mariadb import MariaDb, server
from tests.workloads.reading import fingerprint, read

pytestmark = pytest.mark.slow
PASSWORD = "s3cret'w\\ith \"quotes"


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDb]:
    with server() as found:
        sql_text = PASSWORD.replace("\\", "\\\\").replace("'", "''")
        found.run(f"CREATE USER reader@localhost IDENTIFIED BY '{sql_text}'; GRANT SELECT ON *.* TO reader@localhost")
        yield found


@pytest.fixture
def source(mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A source without `table` or `query`, as a data set says it."""
    monkeypatch.setenv("MY_PASSWORD", PASSWORD)
    mariadb.run(
        "CREATE OR REPLACE DATABASE d; USE d; CREATE TABLE t (a int, b varchar(20), c decimal(10, 2), d datetime, f tinyint(1));"
        "INSERT INTO t VALUES (1, 'x', 1.25, '2024-01-01 10:00:00', 1), (2, NULL, NULL, NULL, NULL)"
    )
    uri = f"mysql://localhost/d?socket={mariadb.socket}"
    return {"uri": uri, "user": "reader", "password": "${secret:MY_PASSWORD}"}


def test_mysql_table_is_read_with_its_types(tmp_path: Path, source: dict[str, Any]) -> None:
    columns, rows = read(tmp_path, {**source, "table": "t"})
    assert columns == ["a INTEGER", "b VARCHAR", "c DECIMAL(10,2)", "d TIMESTAMP", "f BOOLEAN"]
    assert rows[0][:2] + rows[0][3:] == (1, "x", dt.datetime(2024, 1, 1, 10), True)
    assert rows[1] == (2, None, None, None, None)
    mariadb_source = {**source, "uri": source["uri"].replace("mysql://", "mariadb://")}
    assert read(tmp_path, {**mariadb_source, "table": "d.t", "columns": ["a"]}) == (["a INTEGER"], [(1,), (2,)])


def test_mysql_query_is_carried_out_there(tmp_path: Path, source: dict[str, Any]) -> None:
    query = "SELECT a, ifnull(b, 'none') AS b FROM t WHERE a < 9 ORDER BY a;"
    assert read(tmp_path, {**source, "query": query}) == (["a INTEGER", "b VARCHAR"], [(1, "x"), (2, "none")])


def test_mysql_content_or_version_pins_rows(tmp_path: Path, mariadb: MariaDb, source: dict[str, Any]) -> None:
    by_content = {**source, "table": "t"}
    by_version = {**by_content, "version_query": "SELECT max(a) FROM t"}
    first = fingerprint(tmp_path, by_content), fingerprint(tmp_path, by_version)
    mariadb.run("UPDATE d.t SET b = 'y'")
    second = fingerprint(tmp_path, by_content), fingerprint(tmp_path, by_version)
    mariadb.run("INSERT INTO d.t (a) VALUES (3)")
    third = fingerprint(tmp_path, by_content), fingerprint(tmp_path, by_version)
    assert len({first[0], second[0], third[0]}) == 3
    assert first[1] == second[1] != third[1]
    with pytest.raises(MlopsError, match="source is not the pinned one"):
        read(tmp_path, by_content, pinned=first[0])


def test_mysql_rows_that_move_while_they_are_read_are_refused(
    tmp_path: Path, mariadb: MariaDb, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_rows = database.copy_rows

    def copy_slowly(
        reading: duckdb.DuckDBPyConnection, query: str, connection: duckdb.DuckDBPyConnection, table_name: str,
        *, first: int | None,
    ) -> None:  # fmt: skip
        mariadb.run("INSERT INTO d.t (a) VALUES (9)")
        copy_rows(reading, query, connection, table_name, first=first)

    monkeypatch.setattr(database, "copy_rows", copy_slowly)
    with pytest.raises(MlopsError, match="source changed while it was read"):
        read(tmp_path, {**source, "query": "SELECT a FROM t"})


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ({"table": "tt"}, r"no table `tt` .* There are: t\."),
        ({"query": "SELECT nope FROM t"}, "Unknown column 'nope'"),
        ({"query": "DELETE FROM t"}, "DELETE command denied"),
        ({"table": "t", "uri": "mysql://127.0.0.1:1/d"}, "source cannot be reached: `mysql://127.0.0.1:1/d`"),
    ],
)
def test_mysql_that_cannot_be_read_is_a_sentence(
    tmp_path: Path, source: dict[str, Any], change: dict[str, Any], sign: str
) -> None:
    with pytest.raises(MlopsError, match=sign):
        fingerprint(tmp_path, {**source, **change})


def test_wrong_mysql_password_is_in_no_message(
    tmp_path: Path, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_PASSWORD", "wrong-password-of-mine")
    with pytest.raises(MlopsError, match="source cannot be reached") as caught:
        fingerprint(tmp_path, {**source, "table": "t"})
    assert "wrong-password-of-mine" not in str(caught.value)
