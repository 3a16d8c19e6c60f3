"""What a batch means to a plan."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from mlops.contracts.codec import encode
from mlops.contracts.ledger import append_line
from mlops.contracts.scoring import LedgerLine
from mlops.engine.resource import Action
from mlops.errors import MlopsError
from mlops.kinds.batch import BatchKind
from tests.e2e.conftest import SMALL
from tests.small_project import load_files, problems_of, share_cache
from tests.unit.kinds.conftest import Look

BATCH = "input: { uri: new.csv }\ntime: day\ninterval: 1d\n"
OUTPUT = {"package": "late:1"}
ROWS = "id,day,number,color\n1,2013-12-01,0.5,red\n2,2013-12-01,1.5,blue\n3,2013-12-02,,red\n4,,1,red\n"


@pytest.fixture(autouse=True)
def composed_before(tmp_path: Path, cache: Path) -> None:
    share_cache(tmp_path, cache)


def look_at(root: Path, more: str = "") -> Look:
    root.mkdir(exist_ok=True)
    (root / "new.csv").write_text(ROWS)
    return Look(root, load_files(root, {**SMALL, "conf/batch/late.yaml": BATCH + more}), {})


def score(root: Path, name: str, rows: int, **more: Any) -> None:
    fields: dict[str, Any] = {"rows": rows, "length": 86400.0, "seconds": 2.0, "version": "d", **more}
    append_line(root / "scores/late", LedgerLine(interval=name, at="2020-01-01", **fields))
    (root / f"scores/late/{name}.parquet").write_bytes(b"x")


def test_batch_follows_its_package_and_restates_only_where_it_is_said(tmp_path: Path) -> None:
    assert look_at(tmp_path / "a").needs("batch.late") == {"package.late": "RECONFIGURE"}
    assert look_at(tmp_path / "b", "restate: on_new_version\n").needs("batch.late") == {"package.late": "SCORE"}


def test_data_set_that_is_read_is_a_dependency(tmp_path: Path) -> None:
    files = {**SMALL, "conf/batch/late.yaml": "input: { uri: 'dataset://rows' }\n"}
    look = Look(tmp_path, load_files(tmp_path, files), {})
    assert look.needs("batch.late") == {"package.late": "RECONFIGURE", "dataset.rows": "SCORE"}


def test_new_input_scores_and_concurrency_configures(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    assert look.meaning("batch.late", "input.uri") == ("SCORE", Action.RUN, False)
    assert look.meaning("batch.late", "concurrency") == ("RECONFIGURE", Action.UPDATE, True)


def test_plan_says_which_intervals_are_due_and_how_long_they_take(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    record = look.record("batch.late", OUTPUT)
    seen = look.observe("batch.late", record)
    assert [stale.reason.text for stale in seen.stale] == ["2 intervals due: 2013-12-01, 2013-12-02 (3 rows)"]
    assert [one.summary for one in seen.attention] == ["1 rows of batch.late have no time, and belong to no interval"]
    score(tmp_path, "2013-12-01", 2)
    seen = look.observe("batch.late", record)
    assert [stale.reason.text for stale in seen.stale] == ["1 interval due: 2013-12-02 (1 rows)"]
    assert look.kind("batch.late").notes(look.desired["batch.late"], record, "SCORE") == (
        "about 1 s (as the last ones)",
    )
    score(tmp_path, "2013-12-02", 1)
    assert look.observe("batch.late", record).stale == ()


def test_file_that_is_gone_is_due_again(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    record = look.record("batch.late", OUTPUT)
    score(tmp_path, "2013-12-01", 2)
    score(tmp_path, "2013-12-02", 1)
    (tmp_path / "scores/late/2013-12-01.parquet").unlink()
    (stale,) = look.observe("batch.late", record).stale
    assert stale.reason.text.startswith("1 interval due: 2013-12-01")
    notes = look.kind("batch.late").notes(look.desired["batch.late"], record, "SCORE")
    assert "scored again, because their files are gone: 2013-12-01" in notes


def test_scored_rows_that_are_others_now_are_shown_and_left_alone(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    record = look.record("batch.late", OUTPUT)
    score(tmp_path, "2013-12-01", 5)
    score(tmp_path, "2013-12-02", 1)
    seen = look.observe("batch.late", record)
    assert seen.stale == ()
    assert "2013-12-01" in seen.attention[0].summary
    assert seen.attention[0].commands == ("mlops batch rerun late 2013-12-01..2013-12-01",)


def test_intervals_of_another_length_are_in_the_way(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    score(tmp_path, "2013-12-01", 2, length=3600.0)
    (obstacle,) = look.observe("batch.late", look.record("batch.late", OUTPUT)).obstacles
    assert "another length" in obstacle


def test_input_that_is_not_there_is_a_reason_and_no_crash(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    (tmp_path / "new.csv").unlink()
    (stale,) = look.observe("batch.late", look.record("batch.late", {})).stale
    assert "new.csv" in stale.reason.text


def test_pins_hold_the_intervals_that_are_due(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    before = look.kind("batch.late").pins(look.desired["batch.late"])
    score(tmp_path, "2013-12-01", 2)
    assert look.kind("batch.late").pins(look.desired["batch.late"]) != before


def test_deletion_leaves_what_was_scored(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    score(tmp_path, "2013-12-01", 2)
    record = look.record("batch.late", OUTPUT)
    look.kind("batch.late").delete(look.step("batch.late", Action.DELETE, "DESTROY", record))
    assert json.loads((tmp_path / "scores/late/_intervals.jsonl").read_text())["rows"] == 2
    assert look.kind("batch.late").status(record).text == "2 rows in 1 interval, last 2013-12-01"


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("input: { uri: a.csv }\ntime: day\n", "time", "interval: 1d"),
        ("input: { uri: a.csv }\ninterval: 1d\n", "interval", "time: COLUMN"),
        ("input: { uri: a.csv }\ntime: day\ninterval: 90s\n", "interval", "minutes"),
        ("input: { uri: a.csv }\nsince: 2013-12-01\n", "since", "time: COLUMN"),
        ("input: { uri: a.csv }\ntables: { more: { uri: b.csv } }\n", "tables", "sql"),
        ("input: { uri: 'dataset://row' }\n", "uri", "conf/dataset/"),
        ("input: { uri: a.csv }\noutput: { table: t }\n", "output", "both `url` and `table`"),
        ("input: { uri: a.csv }\noutput: { url: 'sqlite:///x.db', table: t, path: p }\n", "path", "not to both"),
        ("input: { uri: a.csv }\noutput: { url: 'postgresql+psycopg://u:pw@h/n', table: t }\n", "url", "a password"),
        ("input: { uri: 'ftp://a' }\n", "uri", "ftp"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, text: str, field: str, words: str) -> None:
    (problem,) = problems_of(tmp_path, {**SMALL, "conf/batch/late.yaml": text})
    assert words in f"{problem.detail} {problem.hint}"
    assert field in f"{problem.detail} {problem.source}"
    assert str(problem.source).startswith("conf/batch/late.yaml")


def test_named_intervals_are_due_again_once(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    record = look.record("batch.late", OUTPUT)
    score(tmp_path, "2013-12-01", 2)
    score(tmp_path, "2013-12-02", 1)
    kind = look.kind("batch.late")
    assert isinstance(kind, BatchKind)
    assert kind.rerun(record, "2013-12-02..2013-12-31", who="ann") == ["2013-12-02"]
    (stale,) = look.observe("batch.late", record).stale
    assert stale.reason.text == "1 interval due: 2013-12-02 (1 rows)"
    notes = kind.notes(look.desired["batch.late"], record, "SCORE")
    assert "scored again, because named by `mlops batch rerun`: 2013-12-02" in notes
    assert kind.status(record).text == "3 rows in 2 intervals, last 2013-12-02"
    score(tmp_path, "2013-12-02", 1)
    assert look.observe("batch.late", record).stale == ()
    with pytest.raises(MlopsError) as raised:
        kind.rerun(record, "2014-01-01", who="ann")
    assert "There are 2013-12-01, 2013-12-02" in raised.value.problems[0].detail


def test_ledger_of_a_table_is_read_where_the_table_is(tmp_path: Path) -> None:
    look = look_at(tmp_path, "output: { url: 'sqlite:///scores.db', table: scores }\n")
    record = look.record("batch.late", OUTPUT)
    assert len(look.observe("batch.late", record).stale) == 1
    lines = [LedgerLine(interval=f"2013-12-0{day}", at="", rows=3 - day, length=86400.0, version="d") for day in (1, 2)]
    with sqlite3.connect(tmp_path / "scores.db") as connection:
        connection.execute("CREATE TABLE scores_intervals (number INTEGER PRIMARY KEY, line TEXT)")
        connection.executemany("INSERT INTO scores_intervals (line) VALUES (?)", [(encode(one),) for one in lines])
    connection.close()
    assert look.observe("batch.late", record).stale == ()
    assert look.kind("batch.late").status(record).text == "3 rows in 2 intervals, last 2013-12-02"
    kind = look.kind("batch.late")
    assert isinstance(kind, BatchKind)
    assert kind.rerun(record, "2013-12-01", who="ann") == ["2013-12-01"]
    assert len(look.observe("batch.late", record).stale) == 1
