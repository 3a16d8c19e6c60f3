"""Scoring in batches: what stands in the files, what is set aside, and that a killed run loses and repeats nothing."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from mlops.contracts.intervals import rows_differ
from mlops.contracts.ledger import read_interval_ledger
from mlops.contracts.scoring import LEDGER, InputTables, IntervalRows, LedgerLine, ScoringConfig
from mlops.errors import MlopsError
from mlops.workloads.scoring.score import score_batch
from mlops.workloads.scoring.survey import survey_input
from mlops.workloads.scoring.table_output import TableOutput
from mlops.workloads.scoring.typed_columns import TypedColumns
from mlops.workloads.serving.answer import AnswerWriter, read_predictions
from mlops.workloads.serving.model import OnnxPredictor
from mlops.workloads.serving.rows import BadRows, RowReader
from tests import postgres
from tests.workloads.conftest import export_linear_model

DAY = 86400.0
FIRST = datetime(2013, 12, 1)
API = {"max_rows": 100_000, "gather": True, "threshold": 0.5, "threads": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_linear_model(tmp_path_factory.mktemp("scoring"), API)


def rows_of(count: int, days: int = 4, seed: int = 1) -> pa.Table:
    chance = np.random.default_rng(seed)
    return pa.table(
        {
            "id": pa.array(np.arange(count)),
            "at": pa.array([FIRST + timedelta(days=int(day), hours=3) for day in chance.integers(0, days, count)]),
            "number": pa.array([None if one > 2 else float(one) for one in chance.normal(size=count)], pa.float64()),
            "color": pa.array(chance.choice(["red", "green", "blue"], count)),
            "size": pa.array(chance.integers(1, 4, count)),
            "hour": pa.array(chance.integers(0, 24, count)),
            "flag": pa.array(chance.random(count) < 0.5),
        }
    )


def config_of(model: Path, **more: Any) -> ScoringConfig:
    tables = InputTables(tables={"input": {"uri": "rows.parquet"}}, time="at", interval=DAY)
    fields: dict[str, Any] = {
        "batch": "batch.b", "input": tables, "model": str(model), "version": "v1", "package": "m:1", "folder": "out",
        "lock": "lock", **more,
    }  # fmt: skip
    return ScoringConfig(**fields)


def read_out(root: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted((root / "out").glob("*.parquet")))


def test_each_row_is_scored_once_as_a_request_is_answered(tmp_path: Path, model: Path) -> None:
    table = rows_of(5_000)
    pq.write_table(table, tmp_path / "rows.parquet")
    lines = score_batch(config_of(model, concurrency=2), tmp_path)
    assert [line.interval for line in lines] == [f"2013-12-0{day}" for day in (1, 2, 3, 4)]
    found = read_out(tmp_path).sort_by("id")
    assert found["id"].to_pylist() == list(range(5_000))
    contract = json.loads((model / "contract.json").read_text())
    reader = RowReader(contract, 5_000)
    names = [column["name"] for column in contract["columns"]]
    rows = reader.check({"rows": [{name: row[name] for name in names} for row in table.to_pylist()]})
    answer = AnswerWriter(contract, "v", 0.5).write(OnnxPredictor(model / "model.onnx", reader, 1).predict(rows))
    expected = json.loads(answer)["predictions"]
    assert found["probability"].to_numpy() == pytest.approx(
        np.array(read_predictions({"predictions": expected}, contract)), abs=1e-6
    )
    assert found["predicted_late"].to_pylist() == [row["late"] for row in expected]


def test_second_run_scores_nothing_and_newer_rows_alone(tmp_path: Path, model: Path) -> None:
    table = rows_of(2_000)
    early = table.filter(pa.compute.less(table["at"], FIRST + timedelta(days=3)))
    pq.write_table(early, tmp_path / "rows.parquet")
    assert len(score_batch(config_of(model), tmp_path)) == 3
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.parquet")}
    assert score_batch(config_of(model), tmp_path) == []
    pq.write_table(table, tmp_path / "rows.parquet")
    assert [line.interval for line in score_batch(config_of(model), tmp_path)] == ["2013-12-04"]
    assert before.items() <= {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.parquet")}.items()
    assert read_out(tmp_path).num_rows == 2_000


def test_bad_row_is_set_aside_with_its_reason(tmp_path: Path, model: Path) -> None:
    table = rows_of(500, days=1)
    numbers = table["number"].to_pylist()
    numbers[3], numbers[4] = float("inf"), float("nan")
    sizes: list[Any] = table["size"].to_pylist()
    sizes[7] = 2.5
    table = table.set_column(2, "number", pa.array(numbers)).set_column(4, "size", pa.array(sizes, pa.float64()))
    pq.write_table(table, tmp_path / "rows.parquet")
    (line,) = score_batch(config_of(model), tmp_path)
    assert (line.rows, line.rejected) == (498, 2)
    aside = pq.read_table(tmp_path / "out/_rejected/2013-12-01.parquet")
    assert aside["id"].to_pylist() == [3, 7]
    assert aside["problem"].to_pylist() == [
        "number: must be a number, and is infinite", "size: must be a whole number of at most 64 bits, and is 2.5"
    ]  # fmt: skip
    assert sorted(read_out(tmp_path)["id"].to_pylist()) == [one for one in range(500) if one not in (3, 7)]


def test_column_that_cannot_fit_is_named_before_anything_is_scored(tmp_path: Path, model: Path) -> None:
    table = rows_of(100).rename_columns({"color": "colour"})
    pq.write_table(table.set_column(5, "hour", table["flag"]), tmp_path / "rows.parquet")
    with pytest.raises(MlopsError) as raised:
        score_batch(config_of(model), tmp_path)
    said = [problem.detail for problem in raised.value.problems]
    assert "`color`" in said[0]
    assert "Did you mean `colour`?" in said[0]
    assert "`hour` holds bool" in said[1]
    assert not (tmp_path / "out").exists()


def test_files_of_equal_rows_are_equal_bytes(tmp_path: Path, model: Path) -> None:
    pq.write_table(rows_of(3_000), tmp_path / "rows.parquet")
    first = {line.interval: line.md5 for line in score_batch(config_of(model), tmp_path)}
    again = {line.interval: line.md5 for line in score_batch(config_of(model, folder="other"), tmp_path)}
    assert first == again


def test_rows_that_changed_since_the_plan_are_refused_and_the_file_stays(tmp_path: Path, model: Path) -> None:
    pq.write_table(rows_of(300, days=1), tmp_path / "rows.parquet")
    score_batch(config_of(model), tmp_path)
    before = (tmp_path / "out/2013-12-01.parquet").read_bytes()
    planned = (IntervalRows(name="2013-12-01", rows=299, digest="x"),)
    with pytest.raises(MlopsError, match="rows changed meanwhile"):
        score_batch(config_of(model, intervals=planned), tmp_path)
    assert (tmp_path / "out/2013-12-01.parquet").read_bytes() == before
    assert [path.name for path in (tmp_path / "out").glob(".*.part")] == []


def test_rows_without_a_time_are_counted(tmp_path: Path) -> None:
    table = rows_of(10).set_column(1, "at", pa.array([None, None, *[FIRST] * 8], pa.timestamp("us")))
    pq.write_table(table, tmp_path / "rows.parquet")
    answer = survey_input(InputTables(tables={"input": {"uri": "rows.parquet"}}, time="at", interval=DAY), tmp_path)
    assert (answer.undated, [one.rows for one in answer.intervals]) == (2, [8])


def test_survey_reads_sql_and_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    pq.write_table(rows_of(10, days=1), tmp_path / "rows.parquet")
    tables = {"input": {"uri": "rows.parquet"}}
    sql = 'SELECT id, CAST("at" AS DATE) AS day FROM input WHERE id < 4'
    fine = survey_input(InputTables(tables=tables, sql=sql, time="day", interval=DAY), tmp_path)
    assert (list(fine.columns), [one.rows for one in fine.intervals]) == (["id", "day"], [4])
    wrong = survey_input(InputTables(tables=tables, sql="SELECT nothing FROM input"), tmp_path)
    assert wrong.summary == "SQL failed"
    no_time = survey_input(InputTables(tables=tables, time="color", interval=DAY), tmp_path)
    assert no_time.summary == "column is no time"


def test_columns_and_requests_judge_values_alike(model: Path) -> None:
    """Each value of many kinds, in a column and in a request: the same inputs, or refused by both."""
    contract = json.loads((model / "contract.json").read_text())
    reader, columns = RowReader(contract, 10), TypedColumns(contract)
    base: dict[str, Any] = {"number": 1.0, "color": "red", "size": 2, "hour": 6, "flag": True}
    tried = {
        "number": [0, -3, 2.5, 1e300, None], "color": ["", "é", "a\0b", None], "size": [1, 2.0, 2.5, 2**53, -(2**63), None],
        "hour": [23, 1.25, None], "flag": [True, False, None],
    }  # fmt: skip
    for name, values in tried.items():
        for value in values:
            row = {**base, name: value}
            batch = pa.RecordBatch.from_pylist([row])
            inputs, problems = columns.inputs(batch)
            try:
                expected, refused = reader.inputs(reader.check(row)), {}
            except BadRows as error:
                expected, refused = {}, {0: f"{name}: {error.problems[0]['problem']}"}
            assert problems == refused
            for column, array in expected.items():
                np.testing.assert_array_equal(inputs[column], array)


def score_in_child(config: ScoringConfig, root: Path) -> None:
    score_batch(config, root)


def test_run_that_is_killed_again_and_again_has_each_row_once(tmp_path: Path, model: Path) -> None:
    """Costs some 10 s: 20 processes, each killed at another moment of its work."""
    pq.write_table(rows_of(60_000, days=40, seed=3), tmp_path / "rows.parquet")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["mlops.workloads.scoring.score"])
    chance = random.Random(11)
    kills = 0
    while kills < 20:
        process = server.Process(target=score_in_child, args=(config_of(model), tmp_path))
        process.start()
        time.sleep(chance.random() * 0.4)
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        for line in read_interval_ledger(tmp_path / "out").values():
            assert (tmp_path / f"out/{line.interval}.parquet").stat().st_size == line.size
        if len(read_interval_ledger(tmp_path / "out")) == 40:
            (tmp_path / "out" / LEDGER).unlink()  # all is scored: begin anew, over the files that are there
    score_batch(config_of(model), tmp_path)
    assert sorted(read_out(tmp_path)["id"].to_pylist()) == list(range(60_000))
    assert sum(line.rows for line in read_interval_ledger(tmp_path / "out").values()) == 60_000
    assert not list((tmp_path / "out").glob(".*.part"))


def in_table(model: Path, url: str, **more: Any) -> ScoringConfig:
    return config_of(model, folder=None, url=url, table="scores", **more)


def rows_in(url: str, root: Path) -> list[Any]:
    engine = sa.create_engine(url.replace("sqlite:///", f"sqlite:///{root}/"))
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT interval, id, probability FROM scores ORDER BY id").all()
    engine.dispose()
    return list(rows)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield "sqlite:///scores.db"
        return
    with postgres.server() as url:
        yield postgres.fresh_database(url)


def test_run_into_a_table_that_is_killed_has_each_row_once(tmp_path: Path, model: Path, database: str) -> None:
    """Costs some 10 s: 5 processes for each database, each killed at another moment of its work."""
    pq.write_table(rows_of(30_000, days=20, seed=3), tmp_path / "rows.parquet")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["mlops.workloads.scoring.score"])
    chance = random.Random(12)
    config = in_table(model, database)
    kills = 0
    while kills < 5:
        process = server.Process(target=score_in_child, args=(config, tmp_path))
        process.start()
        process.join(0.1 + chance.random() * 0.9)
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if process.exitcode == 0:  # all is scored: name every interval again
            output = TableOutput(database, "scores", tmp_path)
            named = [IntervalRows(name=one.interval, rows=one.rows, digest="d") for one in output.ledger().values()]
            config = in_table(model, database, intervals=tuple(named))
    score_batch(in_table(model, database), tmp_path)
    assert [row[1] for row in rows_in(database, tmp_path)] == list(range(30_000))
    assert sum(line.rows for line in TableOutput(database, "scores", tmp_path).ledger().values()) == 30_000


def test_table_has_each_row_once_and_an_interval_is_replaced_as_a_whole(
    tmp_path: Path, model: Path, database: str
) -> None:
    table = rows_of(900, days=3)
    numbers = table["number"].to_pylist()
    numbers[5] = float("inf")
    pq.write_table(table.set_column(2, "number", pa.array(numbers)), tmp_path / "rows.parquet")
    config = in_table(model, database, concurrency=2)
    lines = score_batch(config, tmp_path)
    assert [(line.interval, line.rows + line.rejected) for line in lines] == [
        (f"2013-12-0{day + 1}", table["at"].to_pylist().count(FIRST + timedelta(days=day, hours=3))) for day in range(3)
    ]
    first = rows_in(database, tmp_path)
    assert [row[1] for row in first] == [one for one in range(900) if one != 5]
    assert score_batch(config, tmp_path) == []
    again = tuple(IntervalRows(name=line.interval, rows=line.rows + line.rejected, digest="d") for line in lines)
    score_batch(in_table(model, database, intervals=again), tmp_path)
    assert rows_in(database, tmp_path) == first
    wrong = (IntervalRows(name="2013-12-01", rows=2, digest="d"),)
    with pytest.raises(MlopsError, match="rows changed meanwhile"):
        score_batch(in_table(model, database, intervals=wrong), tmp_path)
    assert rows_in(database, tmp_path) == first


def test_table_that_lacks_a_column_is_named_before_anything_is_written(tmp_path: Path, model: Path) -> None:
    pq.write_table(rows_of(10, days=1), tmp_path / "rows.parquet")
    with sqlite3.connect(tmp_path / "scores.db") as connection:
        connection.execute("CREATE TABLE scores (interval TEXT, id INTEGER)")
    connection.close()
    with pytest.raises(MlopsError) as raised:
        score_batch(in_table(model, "sqlite:///scores.db"), tmp_path)
    assert "has no column `at`" in raised.value.problems[0].detail


def test_interval_of_which_most_rows_do_not_fit_fails_and_others_are_scored(tmp_path: Path, model: Path) -> None:
    table = rows_of(400, days=2)
    is_first = [moment.day == 1 for moment in table["at"].to_pylist()]
    texts = ["many" if first and row % 3 else str(row / 7) for row, first in enumerate(is_first)]
    texts[is_first.index(False)] = "x"
    pq.write_table(table.set_column(2, "number", pa.array(texts)), tmp_path / "rows.parquet")
    with pytest.raises(MlopsError) as raised:
        score_batch(config_of(model), tmp_path)
    (problem,) = raised.value.problems
    assert problem.detail.startswith("2013-12-01: ")
    assert 'number: must be a number, and is "many"' in problem.detail
    assert [path.name for path in sorted((tmp_path / "out").glob("*.parquet"))] == ["2013-12-02.parquet"]
    assert [line.rejected for line in read_interval_ledger(tmp_path / "out").values()] == [1]
    assert len(score_batch(config_of(model, max_rejected=1.0), tmp_path)) == 1
    assert (
        read_out(tmp_path).num_rows + sum(one.rejected for one in read_interval_ledger(tmp_path / "out").values())
        == 400
    )


def test_column_that_is_read_as_another_type_makes_no_other_rows(tmp_path: Path) -> None:
    """One text in a column of numbers of a CSV file makes texts of all of them."""
    lines = ["id,day,number", *(f"{one},2013-12-0{1 + one % 2},{one / 8}" for one in range(40))]
    given = InputTables(tables={"input": {"uri": "rows.csv"}}, time="day", interval=DAY)
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    before = survey_input(given, tmp_path).intervals
    (tmp_path / "rows.csv").write_text("\n".join([*lines, "40,2013-12-03,many"]) + "\n")
    after = survey_input(given, tmp_path).intervals
    scored = [LedgerLine(interval=one.name, at="", rows=one.rows, digest=one.digest) for one in before]
    assert [rows_differ(one, line) for one, line in zip(after, scored, strict=False)] == [False, False]
    assert before[0].digest != after[0].digest
