"""A data set of a real PostgreSQL, planned and applied: what is pinned, what is asked again, what holds no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.e2e.conftest import SMALL, Workplace, make_small
from tests.postgres import fresh_database, server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PASSWORD = "a-password-that-is-nowhere"
ROWS = "INSERT INTO flights SELECT i, 'red', mod(i, 2) = 0 FROM generate_series({}, {}) AS i"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server(PASSWORD) as found:
        yield found


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(fresh_database(url), isolation_level="AUTOCOMMIT")
    run(engine, "CREATE TABLE flights (number int, color text, late boolean)")
    run(engine, ROWS.format(1, 100))
    yield engine
    engine.dispose()


@pytest.fixture
def place(engine: sa.Engine, tmp_path: Path) -> Workplace:
    found = make_small(tmp_path / "project")
    for path in [*found.root.glob("conf/*/late.yaml"), found.root / "conf/stack/local.yaml", found.root / "rows.csv"]:
        path.unlink()
    (found.root / ".mlops/secrets").mkdir(parents=True, mode=0o700)
    secret = found.root / ".mlops/secrets/PG_PASSWORD"
    secret.touch(0o600)
    secret.write_text(PASSWORD + "\n")
    say_source(found, engine)
    return found


def run(engine: sa.Engine, sql: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(sql)


def say_source(place: Workplace, engine: sa.Engine, more: str = "") -> None:
    uri = f"postgres://mlops@localhost/{engine.url.database}?host={engine.url.query['host']}"
    source = f"{{ uri: '{uri}', table: flights, password: '${{secret:PG_PASSWORD}}'{more} }}"
    text = SMALL["conf/dataset/rows.yaml"].replace("{ uri: rows.csv }", source)
    (place.root / "conf/dataset/rows.yaml").write_text(text)


def files_with_password(place: Workplace) -> list[str]:
    files = [path for path in place.root.rglob("*") if path.is_file()]
    return [path.relative_to(place.root).as_posix() for path in files if PASSWORD.encode() in path.read_bytes()]


def test_database_is_pinned_until_somebody_asks_for_fresh_data(place: Workplace, engine: sa.Engine) -> None:
    place.mlops("apply", "--yes")
    assert json.loads((place.root / "data/rows/profile.json").read_text())["rows"]["source"] == 100
    run(engine, ROWS.format(101, 150))
    assert place.plan()["changes"] == []
    fresh = place.plan("--refresh-data")
    [change] = fresh["changes"]
    assert "source rows changed (postgres://" in json.dumps(change["reasons"])
    assert "--refresh-data" in json.dumps(fresh)
    place.mlops("apply", "--yes", "--refresh-data")
    assert json.loads((place.root / "data/rows/profile.json").read_text())["rows"]["source"] == 150
    assert place.plan("--refresh-data")["changes"] == []
    assert place.mlops("render", "--check").stdout == "params/ is up to date.\n"
    assert files_with_password(place) == [".mlops/secrets/PG_PASSWORD"]
    (place.root / ".mlops/secrets/PG_PASSWORD").write_text("another")
    assert place.plan()["changes"] == []
    refused = place.mlops("plan", "--refresh-data", code=3)
    assert "password authentication failed" in refused.stderr
    assert "another" not in refused.stderr


def test_saved_plan_of_fresh_data_refuses_rows_that_moved_again(place: Workplace, engine: sa.Engine) -> None:
    place.mlops("plan", "--refresh-data", "--out", "reviewed.json")
    run(engine, ROWS.format(101, 150))
    stale = place.mlops("apply", "reviewed.json", code=4)
    assert "source dataset.rows.rows" in stale.stderr


def test_version_query_is_asked_at_each_plan(place: Workplace, engine: sa.Engine) -> None:
    say_source(place, engine, ", version_query: 'SELECT max(number) FROM flights'")
    place.mlops("apply", "--yes")
    run(engine, "UPDATE flights SET color = 'blue'")
    assert place.plan()["changes"] == []
    run(engine, ROWS.format(101, 150))
    assert [change["address"] for change in place.plan()["changes"]] == ["dataset.rows"]


@pytest.mark.parametrize(
    ("before", "after", "sign"),
    [
        ("table: flights", "table: fligts", "Did you mean `flights`?"),
        ("postgres://mlops@", "postgres://nobody@", "source cannot be reached"),
        ("secret:PG_PASSWORD", "secret:PG_PASSWRD", "needs the secret PG_PASSWRD"),
    ],
)
def test_source_that_cannot_be_reached_is_an_error_of_the_plan(
    place: Workplace, before: str, after: str, sign: str
) -> None:
    path = place.root / "conf/dataset/rows.yaml"
    path.write_text(path.read_text().replace(before, after))
    refused = place.mlops("plan", code=3)
    assert sign in refused.stderr
    assert "conf/dataset/rows.yaml:2" in refused.stderr
    assert PASSWORD not in refused.stderr


def test_missing_file_is_an_error_of_the_plan(place: Workplace) -> None:
    (place.root / "conf/dataset/rows.yaml").write_text(SMALL["conf/dataset/rows.yaml"])
    refused = place.mlops("plan", code=3)
    assert "`rows.csv` does not exist" in refused.stderr
    assert "conf/dataset/rows.yaml:2" in refused.stderr
