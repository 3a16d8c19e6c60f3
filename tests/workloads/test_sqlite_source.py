"""Reading SQLite files: tables, queries, what pins them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from mlops.errors import MlopsError
from tests.workloads.reading import fingerprint, read

NAME = "the día's base.db"
SOURCE = {"uri": f"sqlite://{NAME}"}


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / NAME)
    connection.execute("CREATE TABLE t (a integer, b text, c real)")
    connection.execute("INSERT INTO t VALUES (1, 'x', 1.5), (2, NULL, NULL)")
    connection.commit()
    return connection


@pytest.mark.usefixtures("database")
def test_sqlite_table_and_query_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, {**SOURCE, "table": "t"}) == (
        ["a BIGINT", "b VARCHAR", "c DOUBLE"], [(1, "x", 1.5), (2, None, None)]
    )  # fmt: skip
    columns, rows = read(
        tmp_path, {**SOURCE, "query": "SELECT a, b AS name FROM t WHERE b = 'x'", "types": {"a": "int"}}
    )
    assert (columns, rows) == (["a BIGINT", "name VARCHAR"], [(1, "x")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scratch", NAME]


def test_sqlite_file_is_pinned_by_its_bytes_and_its_log(tmp_path: Path, database: sqlite3.Connection) -> None:
    source = {**SOURCE, "table": "t"}
    first = fingerprint(tmp_path, source)
    assert fingerprint(tmp_path, source) == first
    database.execute("PRAGMA journal_mode = wal")
    database.execute("INSERT INTO t VALUES (3, 'z', 0)")
    database.commit()
    assert fingerprint(tmp_path, source) != first
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.name != "scratch"}
    assert read(tmp_path, source)[1][-1] == (3, "z", 0.0)
    assert before == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.name != "scratch"}
    with pytest.raises(MlopsError, match="source is not the pinned one"):
        read(tmp_path, source, pinned=first)


@pytest.mark.usefixtures("database")
def test_sqlite_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MlopsError, match=r"no table `tt` .* There are: t\."):
        read(tmp_path, {**SOURCE, "table": "tt"})
    with pytest.raises(MlopsError, match="no such column: nope"):
        read(tmp_path, {**SOURCE, "query": "SELECT nope FROM t"})
    with pytest.raises(MlopsError, match=r"`sqlite://gone.db` does not exist"):
        fingerprint(tmp_path, {"uri": "sqlite://gone.db", "table": "t"})
    (tmp_path / "text.db").write_text("this is no database" * 100)
    with pytest.raises(MlopsError, match="file is not a database"):
        read(tmp_path, {"uri": "sqlite://text.db", "table": "t"})
