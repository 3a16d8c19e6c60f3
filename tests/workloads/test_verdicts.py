"""What is said of a window beside its thresholds: how grave it is, what explains it, and what training cannot show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from mlops.contracts.codec import decode
from mlops.contracts.watcher import BaselineFile, DriftTests, FindingColumn
from mlops.monitoring.baseline import baseline_fault
from mlops.monitoring.findings import lines_of, open_findings
from mlops.workloads.monitoring.baseline import chosen_rows, write_baseline
from mlops.workloads.monitoring.column_test import ColumnTest, with_shares
from mlops.workloads.monitoring.findings import severity_of
from mlops.workloads.monitoring.watcher import Watcher
from mlops.workloads.monitoring.window_rows import Baseline
from tests.workloads.test_baseline import START, config_of, rows, write_log


def test_column_of_a_joint_shift_shares_what_it_explains() -> None:
    moved = [
        ColumnTest("a", "ks", 0.4, 0.001, 0.2, moved=True),
        ColumnTest("a and b", "joint", 0.8, 0.001, 0.4, moved=True),
        ColumnTest("c", "missing", 0.1, 0.001, 0.1, moved=True),
    ]
    assert [column.explains for column in with_shares(moved)] == [0.6, 0.8, 0.2]
    assert with_shares([]) == []


@pytest.mark.parametrize(
    ("method", "statistic", "p", "severity"),
    [("ks", 0.3, 1e-4, "warning"), ("ks", 0.5, 1e-6, "critical"), ("missing", 0.15, 1e-4, "warning"), ("answers", 1.0, None, "critical")],
)  # fmt: skip
def test_severity_follows_from_how_far_and_how_many(method: str, statistic: float, p: Any, severity: str) -> None:
    column = FindingColumn(name="a", method=method, statistic=statistic, p=p, threshold=0.2)
    assert severity_of([column], "drift") == severity
    assert severity_of([column], "concept") == "critical"


def test_chosen_rows_of_a_large_table_are_chunks_that_follow_each_other() -> None:
    assert chosen_rows(1000).tolist() == list(range(1000))
    chosen = chosen_rows(5_000_000)
    steps = chosen[1:] - chosen[:-1]
    assert len(chosen) <= 400_000
    assert (steps == 1).sum() > 0.999 * len(steps)
    assert chosen[-1] == 4_999_999


def answered_tenth_higher(folder: Path, at: float) -> None:
    """Write a window whose answers are those of the model, a tenth higher."""
    write_log(folder, at, rows(5, 500))
    path = folder / "log" / f"v1-1-{int(at * 1e9)}.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["a"]["predictions"][0]["probability"] *= 1.1
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")


def test_watcher_finds_answers_that_the_model_does_not_give(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    write_baseline(config)
    write_log(tmp_path, START, rows(4, 500))
    answered_tenth_higher(tmp_path, START + 10)
    watching = Watcher(config)
    assert watching.tick(START + 13)
    assert open_findings(tmp_path / "out", "b1") == []
    assert watching.tick(START + 23)
    (finding,) = [one for one in open_findings(tmp_path / "out", "b1") if one["kind"] == "quality"]
    assert [(column["name"], column["method"]) for column in finding["columns"]] == [("(prediction)", "answers")]
    assert finding["severity"] == "critical"
    assert "(prediction) (answered otherwise 1.00)" in lines_of(finding)[0]


def test_season_that_training_did_not_cover_is_noted(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    write_baseline(config)
    contract = json.loads(Path(config.contract).read_text())
    baseline = Baseline(Path(config.baseline_dir), contract, DriftTests())
    assert baseline.note(START) is None
    assert baseline.calibration is not None
    covers = structs.replace(baseline.calibration, since="2013-01-01", until="2013-08-31")
    baseline.calibration = covers
    assert baseline.note(1_718_000_000.0) is None  # June
    assert baseline.note(START) == (  # November
        "training covers 2013-01-01 to 2013-08-31, so it cannot show what is usual in November: a part of this may be the season"
    )
    baseline.calibration = structs.replace(covers, until="2014-01-31")
    assert baseline.note(START) is None


def test_baseline_of_a_version_that_did_not_calibrate_is_made_anew(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    write_baseline(config)
    folder = Path(config.baseline_dir)
    assert baseline_fault(folder, "b1") is None
    written = json.loads((folder / "baseline.json").read_text())
    assert decode(BaselineFile, json.dumps(written).encode()).calibration is not None
    del written["calibration"]
    (folder / "baseline.json").write_text(json.dumps(written))
    assert baseline_fault(folder, "b1") == "of a version before this one"
