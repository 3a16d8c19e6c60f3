"""What a data set's SQL may not do: read what is not declared, depend on the time or the zone, name two columns alike."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from tests.workloads.conftest import say_dataset


def refused(project: Path, **changes: Any) -> str:
    say_dataset(project, **changes)
    with pytest.raises(MlopsError) as raised:
        prepare("rows")
    assert not (project / "data/rows").exists()
    return " ".join(f"{problem.summary}: {problem.detail}" for problem in raised.value.problems)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT rows.* FROM rows, read_csv('extra.csv')",
        "SELECT rows.* FROM rows, 'extra.csv'",
        "SELECT rows.* FROM rows, read_text('extra.csv')",
        "SELECT rows.* FROM rows, read_parquet('http://127.0.0.1:9/extra.csv')",
        "SELECT rows.* FROM rows, glob('extra.csv')",
        "SELECT * FROM (PIVOT (FROM read_csv('extra.csv')) ON a USING count(*))",
    ],
)
def test_sql_sees_no_undeclared_file(project: Path, sql: str) -> None:
    (project / "extra.csv").write_text("a,b\n1,2\n")
    text = refused(project, sql=sql)
    assert "source is not declared" in text
    assert "extra.csv`, which is no source of the data set" in text
    assert "Declare it under `sources`" in text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1) ; COPY rows TO 'out.csv'; SELECT * FROM (SELECT 1",
        "SELECT 1) ; ATTACH 'out.db' AS other; SELECT * FROM (SELECT 1",
        "SELECT 1) ; SET threads = 2; SELECT * FROM (SELECT 1",
        "SELECT 1) ; INSTALL httpfs; SELECT * FROM (SELECT 1",
        "SELECT 1) ; LOAD httpfs; SELECT * FROM (SELECT 1",
        "SELECT rows.* FROM rows, dataset",
        "SELECT rows.* FROM rows, duckdb_settings()",
        "SELECT *, getenv('HOME') AS home FROM rows",
        "SELECT *, current_setting('temp_directory') AS home FROM rows",
    ],
)
def test_sql_reaches_nothing_but_its_sources(project: Path, sql: str) -> None:
    refused(project, sql=sql)
    assert not list(project.glob("out.*"))


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("now()", "now"),
        ("current_date", "current_date"),
        ("current_timestamp", "current_timestamp"),
        ("localtimestamp", "localtimestamp"),
        ("current_localtime()", "current_localtime"),
        ("current_localtimestamp()", "current_localtimestamp"),
        ("system.main.now()", "now"),
        ('"TODAY"()', "today"),
        ("age(DATE '2020-01-01')", "age with one argument"),
        ("random()", "random"),
        ("uuid()", "uuid"),
        ("(SELECT max(x) FROM query('SELECT now() AS x'))", "query"),
        ("(SELECT count(*) FROM rows USING SAMPLE 10)", "sample"),
    ],
)
def test_sql_that_gives_something_else_each_time_is_refused(project: Path, expression: str, name: str) -> None:
    text = refused(project, sql=f"SELECT *, {expression} AS moment FROM rows")
    assert f"SQL is not repeatable: `sql` uses `{name}`, which gives something else" in text


def test_sql_that_pivots_is_searched_too(project: Path) -> None:
    sql = "FROM (PIVOT (SELECT *, random() > 2 AS é FROM rows) ON color USING count(*)) WHERE now() IS NOT NULL"
    text = refused(project, sql=sql)
    assert "`random`" in text
    assert "`now`" in text


def test_sql_may_name_columns_and_texts_like_functions(project: Path) -> None:
    sql = (
        "SELECT *, '2020-01-01'::DATE AS current_date, 'now()' AS \"now\" FROM rows -- today()\n"
        "WHERE age(DATE '2024-01-01', DATE '2020-01-01') > INTERVAL 1 day"
    )
    say_dataset(project, sql=f'SELECT * EXCLUDE (current_date, "now") FROM ({sql})')
    prepare("rows")
    say_dataset(project, sql="SELECT * FROM rows USING SAMPLE reservoir(90%) REPEATABLE (3)")
    prepare("rows")


def test_data_set_is_the_same_in_every_time_zone(project: Path) -> None:
    rows = (project / "rows.csv").read_text().splitlines()
    stamped = [f"{rows[0]},seen", *(f"{row},2020-03-0{1 + n % 9} 0{n % 10}:30:00+02" for n, row in enumerate(rows[1:]))]
    (project / "rows.csv").write_text("\n".join(stamped) + "\n")
    say_dataset(
        project,
        sql="SELECT *, '2020-03-29 01:30:00'::TIMESTAMPTZ AS fixed, seen::DATE AS day, hour(seen) AS local_hour, "
        "strftime(seen, '%H %Z') AS shown, make_timestamptz(2020, 3, 29, 1, 30, 0.0) AS made FROM rows",
    )
    made: dict[str, dict[str, bytes]] = {}
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        code = "from mlops.workloads.data.prepare import prepare; prepare('rows')"
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "TZ": zone})
        made[zone] = {path.name: path.read_bytes() for path in (project / "data/rows").iterdir()}
    assert made["Asia/Tokyo"] == made["UTC"] == made["America/New_York"]


def test_stage_runs_in_utc(project: Path) -> None:
    code = (
        "import sys, time\nfrom mlops.workloads.stage import run_stage\nsys.argv = ['x', 'rows']\n"
        "run_stage(lambda name: print(time.localtime(0).tm_hour))"
    )
    env = {**os.environ, "TZ": "Asia/Tokyo"}
    done = subprocess.run([sys.executable, "-c", code], check=True, env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "0"


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT *, number FROM rows", ["number"]),
        ("SELECT a.*, b.color, b.hour FROM rows a JOIN rows b ON a.number = b.number", ["color", "hour"]),
        ("SELECT *, 1 AS NUMBER FROM rows", ["number"]),
    ],
)
def test_two_columns_of_one_name_are_refused(project: Path, sql: str, names: list[str]) -> None:
    text = refused(project, sql=sql)
    assert "column stands twice" in text
    assert all(f"The SQL gives 2 columns of the name `{name}`" in text for name in names)
    assert text.count("The SQL gives") == len(names)
