"""A batch that is watched: each interval that was scored is a window, judged once for each time that it was scored."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import structs

from mlops.contracts.ledger import append_line
from mlops.contracts.scoring import LedgerLine
from mlops.contracts.watcher import WatcherConfig
from mlops.contracts.windows import WINDOWS_FILE
from mlops.monitoring.findings import open_findings
from mlops.workloads.monitoring.baseline import write_baseline
from mlops.workloads.monitoring.history import read_windows
from mlops.workloads.monitoring.scored_watcher import ScoredWatcher
from tests.workloads.test_baseline import config_of, rows
from tests.workloads.test_monitor_pages import warmer

DAY = 86400.0


@pytest.fixture
def config(tmp_path: Path) -> WatcherConfig:
    made = structs.replace(config_of(tmp_path), scores=str(tmp_path / "scores"))
    write_baseline(made)
    return made


def score(folder: Path, day: int, scored: list[dict[str, Any]], *, at: str = "2026-01-01", lack: str = "") -> None:
    """Write an interval as a scoring run does: what was read, and what was predicted beside it."""
    (folder / "scores").mkdir(exist_ok=True)
    name = f"2013-12-{day:02}"
    made = [
        {**row, "late": True, "probability": 1 / (1 + math.exp(-row["temp"])), "predicted_late": row["temp"] > 0}
        for row in scored
    ]
    table = pa.Table.from_pylist(made)
    pq.write_table(table.drop_columns(lack) if lack else table, folder / f"scores/{name}.parquet")
    append_line(folder / "scores", LedgerLine(interval=name, at=at, rows=len(made), version="v", length=DAY))


def watch(config: WatcherConfig) -> int:
    """Judge what there is by a new process' watcher; return how many windows that were."""
    watcher, count = ScoredWatcher(config), 0
    while watcher.tick():
        count += 1
    return count


def test_each_interval_is_a_window_and_is_judged_once(tmp_path: Path, config: WatcherConfig) -> None:
    score(tmp_path, 1, rows(7, 500))
    score(tmp_path, 2, warmer(8, 500))
    assert watch(config) == 2
    assert watch(config) == 0
    first, second = read_windows(tmp_path / "out" / WINDOWS_FILE)
    assert second.since - first.since == DAY
    assert not [test for test in first.tests if test.moved]
    drift, quality = open_findings(tmp_path / "out", "b1")
    assert {column["name"] for column in drift["columns"]} >= {"temp", "(prediction)"}
    assert drift["since"].startswith("2013-12-02T00:00")
    assert [column["name"] for column in quality["columns"]] == ["carrier"]
    for day in (3, 4, 5):
        score(tmp_path, day, rows(10 + day, 500))
    assert watch(config) == 3
    assert open_findings(tmp_path / "out", "b1") == []
    status = json.loads((tmp_path / "out/status.json").read_text())
    assert (status["windows"], status["rows"], status["last"][:10]) == (5, 2500, "2013-12-06")


def test_interval_that_is_scored_again_is_judged_again(tmp_path: Path, config: WatcherConfig) -> None:
    score(tmp_path, 1, warmer(7, 500))
    assert watch(config) == 1
    append_line(
        tmp_path / "scores", LedgerLine(interval="2013-12-01", at="2026-01-02", rows=500, length=DAY, again="ann")
    )
    assert watch(config) == 0
    score(tmp_path, 1, rows(7, 500), at="2026-01-03")
    assert watch(config) == 1
    (window,) = read_windows(tmp_path / "out" / WINDOWS_FILE)
    assert not [test for test in window.tests if test.moved]


def test_thin_intervals_are_joined_to_the_next(tmp_path: Path, config: WatcherConfig) -> None:
    for day in (1, 2):
        score(tmp_path, day, rows(day, 90))
    assert watch(config) == 0
    score(tmp_path, 3, rows(3, 90))
    assert watch(config) == 1
    (window,) = read_windows(tmp_path / "out" / WINDOWS_FILE)
    assert (window.rows, window.until - window.since) == (270, 3 * DAY)


def test_column_that_is_not_written_beside_the_predictions_is_not_compared(
    tmp_path: Path, config: WatcherConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    score(tmp_path, 1, rows(7, 500), lack="weekday")
    assert watch(config) == 1
    assert "lacks columns, which are not compared: weekday" in capsys.readouterr().out
    assert open_findings(tmp_path / "out", "b1") == []


def test_files_that_are_gone_stop_nothing(tmp_path: Path, config: WatcherConfig) -> None:
    score(tmp_path, 1, rows(7, 500))
    (tmp_path / "scores/2013-12-01.parquet").unlink()
    score(tmp_path, 2, rows(8, 500))
    assert watch(config) == 2
    assert len(read_windows(tmp_path / "out" / WINDOWS_FILE)) == 1
