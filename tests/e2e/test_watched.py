"""A project whose rows have a date, watched: its findings and new data are handed over, one monitor's edit is applied, a batch is
scored by its schedule. About two minutes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.e2e.conftest import SMALL, Workplace, make_project

FILES = {
    **SMALL,
    "conf/env/dev.yaml": "watch: { every: 1s, hand_to: { command: 'cat >> handed.jsonl; echo >> handed.jsonl' } }\n",
    "conf/dataset/rows.yaml": """\
sources:
  rows: { uri: rows.csv }
sql: |
  SELECT number, color, late, day FROM rows
label: late
features:
  numeric: [number]
  categorical: [color]
split: { by: time, column: day, until: 2013-08-31, val: 1 month, test: 1 month }
""",
    "conf/monitor/late.yaml": "endpoint: late\nwindow: 4s\nmin_rows: 200\non_finding: apply\n",
    "conf/monitor/colors.yaml": "endpoint: late\nwindow: 4s\nmin_rows: 200\ndrift: { ignore: [number, (prediction)] }\n",
    "conf/batch/late.yaml": """\
package: late
input: { uri: "nightly/*.csv" }
time: day
interval: 1d
output: { path: scores }
schedule: "* * * * *"
stack: local
""",
    "conf/monitor/nightly.yaml": "batch: late\nmin_rows: 20\n",
    "conf/batch/once.yaml": """\
package: late
input: { uri: "once/*.csv" }
time: day
interval: 1d
""",
    "conf/monitor/once.yaml": "batch: once\nmin_rows: 100\n",
}


def write_days(path: Path, first: date, days: int, *, each: int = 12, noise: bool = False, shift: float = 0.0) -> None:
    """Write rows of some days; late where `number` is high or `color` is red, or, of noise, by chance."""
    chance = random.Random(f"{first}{days}")
    path.parent.mkdir(exist_ok=True)
    is_new = not path.exists()
    with path.open("a") as file:
        if is_new:
            file.write("number,color,late,day\n")
        for day in (first + timedelta(days=n) for n in range(days)):
            for _ in range(each):
                number, color = chance.gauss(shift, 1), chance.choice(["red", "green", "blue"])
                late = chance.random() < 0.5 if noise else number + (color == "red") + chance.gauss(0, 0.5) > 0.5
                file.write(f"{number:.4f},{color},{str(late).lower()},{day}\n")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    root = tmp_path_factory.mktemp("watched") / "project"
    place = make_project(root, FILES)
    write_days(root / "rows.csv", date(2013, 1, 1), 273)
    write_days(root / "nightly/one.csv", date(2013, 10, 1), 3)
    write_days(root / "once/one.csv", date(2013, 10, 1), 3, each=200)
    try:
        place.mlops("apply", "--yes")
        yield place
    finally:
        place.mlops("destroy", "--yes", code=None)


def until_it_holds(found: Callable[[], Any], seconds: float = 90) -> Any:
    end = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < end
        time.sleep(0.2)


def handed(place: Workplace) -> list[dict[str, Any]]:
    path = place.root / "handed.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def findings(place: Workplace, monitor: str) -> list[dict[str, Any]]:
    """Return the findings that are open against the baseline of now."""
    record = json.loads(place.mlops("show", f"monitor.{monitor}", "--format", "json").stdout)[0]
    folder = place.root / f".mlops/run/dev/monitors/{monitor}/findings"
    found = [json.loads(path.read_text()) for path in folder.glob("*.json") if ".ack" not in path.name]
    return [one for one in found if one["baseline_digest"] == record["outputs"]["digest"]]


def send_high_numbers(place: Workplace) -> None:
    """Ask the endpoint for many rows whose number is far higher than those of training."""
    chance = random.Random(3)
    rows = [{"number": chance.gauss(3, 1), "color": chance.choice(["red", "green", "blue"])} for _ in range(900)]
    path = place.root / "sent.json"
    path.write_text(json.dumps(rows))
    place.mlops("invoke", "endpoint.late", "--rows", str(path))
    path.unlink()


def test_schedule_scores_what_is_due_and_goes_on_with_what_comes(watched: Workplace) -> None:
    ledger = watched.root / "scores/_intervals.jsonl"
    until_it_holds(lambda: ledger.exists() and len(ledger.read_text().splitlines()) == 3)
    assert watched.words() == {}
    write_days(watched.root / "nightly/two.csv", date(2013, 10, 4), 2)
    (attention,) = [one for one in watched.plan()["attention"] if one["address"] == "batch.late"]
    assert "2 intervals due: 2013-10-04, 2013-10-05 (24 rows); its schedule scores them" in attention["summary"]
    assert any("as the last ones" in line for line in attention["lines"])
    until_it_holds(lambda: len(ledger.read_text().splitlines()) == 5)
    scored = duckdb.sql(f"SELECT day, count(*) FROM '{watched.root}/scores/*.parquet' GROUP BY day").fetchall()
    assert len(scored) == 5
    assert {count for _, count in scored} == {12}
    assert "60 rows in 5 intervals" in watched.status()["batch.late"]["text"]


def test_monitor_of_a_batch_looks_at_what_was_scored(watched: Workplace) -> None:
    until_it_holds(lambda: "no finding in 2 windows" in watched.status()["monitor.nightly"]["text"])
    assert "no finding in 3 windows" in watched.status()["monitor.once"]["text"]
    write_days(watched.root / "once/two.csv", date(2013, 10, 4), 1, each=200, shift=3.0)
    assert watched.words() == {
        "batch.once": ("run", "SCORE"),
        "monitor.once": ("if-upstream-changes", "RECONFIGURE"),
    }
    watched.mlops("apply", "--yes")
    said = [one["summary"] for one in watched.plan()["attention"] if one["address"] == "monitor.once"]
    assert "monitor.once has found drift since 2013-10-04T00:00:00+00:00" in said
    assert watched.words() == {}
    watched.mlops("ack", "monitor.once", "--reason", "a test")


def test_finding_of_one_of_two_monitors_is_applied_and_its_gate_judged(watched: Workplace) -> None:
    watched.mlops("watch", "--once")
    assert handed(watched) == []
    send_high_numbers(watched)
    until_it_holds(lambda: findings(watched, "late"))
    assert [one for one in findings(watched, "colors") if one["kind"] == "drift"] == []
    page = watched.root / "page.html"
    watched.mlops("monitor", "report", "late", "--out", str(page))
    assert "number: values" in page.read_text()
    said = watched.mlops("monitor", "replay", "late", "--rows", "rows.csv", "--per-window", "500").stdout
    assert "0 of 6 windows moved" in said
    assert "monitor[.]colors|monitor[.]late" in watched.mlops("monitor", "rules").stdout

    before = watched.status()["endpoint.late"]["text"]
    said = watched.mlops("watch", "--once").stdout
    (first,) = [one for one in handed(watched) if one["finding"]["kind"] == "drift"]
    assert first["result"]["applied"], first["result"]["output"]
    assert first["overrides"] == ["dataset.rows.split.until=2013-09-30"]
    assert "+split: { by: time, column: day, until: 2013-09-30" in first["patch"]
    assert "[applied]" in said
    assert "until: 2013-09-30" in (watched.root / "conf/dataset/rows.yaml").read_text()
    assert watched.status()["endpoint.late"]["text"] != before
    assert watched.words() == {}
    watched.mlops("watch", "--once")
    assert len([one for one in handed(watched) if one["finding"]["kind"] == "drift"]) == 1


def test_new_data_is_handed_over_once_and_a_missed_gate_leaves_all_as_it_was(watched: Workplace) -> None:
    count = len(handed(watched))
    write_days(watched.root / "rows.csv", date(2013, 10, 1), 31, noise=True, shift=0.0)
    for _ in range(2):
        watched.mlops("watch", "--once")
    (data,) = handed(watched)[count:]
    assert data["occasion"] == "data"
    assert data["lines"] == ["dataset.rows: source rows changed on disk (rows.csv)"]
    assert data["plan"]["changes"][0]["address"] == "dataset.rows"
    assert "result" not in data
    watched.mlops("apply", "--yes")

    send_high_numbers(watched)
    until_it_holds(lambda: findings(watched, "late"))
    live = watched.status()["endpoint.late"]["text"]
    said = watched.mlops("watch", "--once").stdout
    last = [one for one in handed(watched)[count + 1 :] if one["finding"]["kind"] == "drift"][-1]
    assert last["overrides"] == ["dataset.rows.split.until=2013-10-31"]
    assert last["result"]["exit_code"] == 6, last["result"]["output"]
    assert "[not applied (exit 6)]" in said
    assert "until: 2013-09-30" in (watched.root / "conf/dataset/rows.yaml").read_text()
    assert watched.status()["endpoint.late"]["text"] == live
