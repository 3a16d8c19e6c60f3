"""Extensions of DuckDB come from installed packages, and stay away from the SQL of users."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sqlite3
import tomllib
from pathlib import Path

import duckdb
import pytest

from mlops.errors import MlopsError
from mlops.workloads.data import duckdb_extensions
from mlops.workloads.data.duckdb_extensions import EXTRAS, copy_rows, open_with_extensions
from mlops.workloads.data.sql import connect, seal_database

EXTRAS_OF_PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]


@pytest.mark.parametrize("name", EXTRAS)
def test_extension_is_loaded_from_its_package(name: str) -> None:
    with open_with_extensions(name) as connection:
        loaded = connection.sql("SELECT extension_name FROM duckdb_extensions() WHERE loaded").fetchall()
    assert (name,) in loaded


@pytest.mark.parametrize(("name", "extra"), EXTRAS.items())
def test_extra_pins_an_extension_to_the_version_of_duckdb(name: str, extra: str) -> None:
    pinned = f"duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}"
    assert pinned in EXTRAS_OF_PROJECT[extra]
    assert f"duckdb=={duckdb.__version__}" in EXTRAS_OF_PROJECT["data"]


def test_missing_extension_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MlopsError, match=r"extra is not installed: .* pip install 'mlops\[source-postgres\]'"):
        open_with_extensions("postgres_scanner")


def test_extension_of_another_version_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_extensions.duckdb, "__version__", "9.9.9")
    with pytest.raises(MlopsError, match=r"is made for DuckDB 1\.\d+\.\d+, and DuckDB 9\.9\.9 is installed"):
        open_with_extensions("sqlite_scanner")


def test_sql_of_a_user_reaches_nothing_through_an_extension(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE t (a integer)")
        other.execute("INSERT INTO t VALUES (1)")
    other.close()
    call = f"sqlite_scan('{tmp_path}/other.db', 't')"
    with open_with_extensions("sqlite_scanner") as reading, connect() as connection:
        copy_rows(reading, f"SELECT * FROM {call}", connection, "t")
        seal_database(connection)
        assert connection.sql("FROM t").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error, match="sqlite_scan"):
            connection.sql(f"FROM {call}").fetchall()
