"""What a monitor has seen as a page, and what it would have found in the rows of a file."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import structs

from mlops.contracts.codec import encode
from mlops.contracts.watcher import WatcherConfig
from mlops.contracts.windows import WINDOWS_FILE, ReplayAnswer, ReplayRequest
from mlops.render.replay import render_replay
from mlops.workloads.monitoring.baseline import write_baseline
from mlops.workloads.monitoring.history import WindowHistory, read_windows
from mlops.workloads.monitoring.replay import replay
from mlops.workloads.monitoring.report.page import monitor_page
from mlops.workloads.monitoring.report.write import read_monitor_report
from mlops.workloads.monitoring.watcher import Watcher
from tests.workloads.test_baseline import START, config_of, rows, write_log


def warmer(seed: int, count: int) -> list[dict[str, Any]]:
    """Rows as those of training, with a temperature that is one higher, and a carrier that training never had."""
    chance = random.Random(seed)
    return [
        {**row, "temp": row["temp"] + 1, "carrier": "</script>" if chance.random() < 0.1 else row["carrier"]}
        for row in rows(seed, count)
    ]


@pytest.fixture
def config(tmp_path: Path) -> WatcherConfig:
    made = config_of(tmp_path)
    write_baseline(made)
    return made


def watched(config: WatcherConfig, tmp_path: Path, *windows: list[dict[str, Any]]) -> None:
    for number, asked in enumerate(windows):
        write_log(tmp_path, START + 10 * number, asked)
    watching = Watcher(config)
    while watching.tick(START + 10 * len(windows) + 3):
        pass


def specs(page: str) -> list[dict[str, Any]]:
    """Return the charts of a page, as Vega-Lite."""
    found = []
    for part in page.split('vegaEmbed("#chart')[1:]:
        spec, _ = json.JSONDecoder().raw_decode(part[part.index(",") + 1 :])
        found.append(spec)
    return found


def values_of(spec: Any) -> list[dict[str, Any]]:
    """Return all rows that stand in a chart."""
    if isinstance(spec, dict):
        own = spec["values"] if isinstance(spec.get("values"), list) and spec["values"] else []
        own = own if own and isinstance(own[0], dict) else []
        return own + [row for value in spec.values() for row in values_of(value)]
    return [row for value in spec for row in values_of(value)] if isinstance(spec, list) else []


def test_page_shows_both_distributions_of_what_moved_and_is_one_file(tmp_path: Path, config: WatcherConfig) -> None:
    watched(config, tmp_path, rows(7, 500), warmer(8, 500), warmer(9, 500))
    page = monitor_page(read_monitor_report(config))
    assert "3 windows with 1,500 rows" in page
    assert "temp: values" in page
    assert "temp: over time" in page
    assert "carrier: values" in page
    assert "weekday: values" not in page
    assert 'src="http' not in page
    shares: dict[str, float] = {}
    for row in values_of(specs(page)):
        if "share" in row and "from" in row:
            shares[row["of"]] = shares.get(row["of"], 0.0) + row["share"] * (row["from"] + row["to"]) / 2
    # The mean of temp, and that of the prediction, a sigmoid of it, as nearly as bars of coarse bins show them.
    expected = 1 + sum(1 / (1 + math.exp(-row["temp"])) for row in warmer(8, 500)) / 500
    assert shares["these windows"] == pytest.approx(expected, abs=0.2)
    assert shares["training"] == pytest.approx(0.5, abs=0.1)


def test_values_of_data_end_no_script_of_the_page(tmp_path: Path, config: WatcherConfig) -> None:
    clean = monitor_page(read_monitor_report(config)).count("</script>")
    watched(config, tmp_path, warmer(8, 500))
    page = monitor_page(read_monitor_report(config))
    assert "&lt;/script&gt;" in page
    assert page.count("</script>") == clean + page.count("<script>vegaEmbed")


def test_acknowledged_finding_stands_in_the_page_as_such(tmp_path: Path, config: WatcherConfig) -> None:
    watched(config, tmp_path, warmer(8, 500))
    for path in (tmp_path / "out/findings").glob("*.json"):
        path.with_name(f"{path.stem}.ack.json").write_text(json.dumps({"who": "ann", "reason": "a heat wave"}))
    page = monitor_page(read_monitor_report(config))
    assert "acknowledged by ann: a heat wave" in page
    assert "No open finding." in page


def test_window_that_is_judged_again_stands_once_and_the_file_does_not_grow(tmp_path: Path) -> None:
    from mlops.contracts.windows import JudgedWindow

    path = tmp_path / WINDOWS_FILE
    history = WindowHistory(path)
    for number in range(2_500):
        history.add(JudgedWindow(since=float(number), until=number + 1.0, rows=number, baseline="b"))
    history.add(JudgedWindow(since=2_499.0, until=2_500.0, rows=7, baseline="b"))
    path.write_bytes(path.read_bytes() + b'{"since": 3')
    found = read_windows(path)
    assert len(found) < 2_000
    assert [window.rows for window in found[-2:]] == [2_498, 7]
    WindowHistory(path).add(JudgedWindow(since=2_500.0, until=2_501.0, rows=8, baseline="b"))
    assert read_windows(path)[-1].rows == 8


def answered(config: WatcherConfig, path: Path, tmp_path: Path, **more: Any) -> ReplayAnswer:
    (tmp_path / "watcher.json").write_text(encode(config))
    return replay(ReplayRequest(config=str(tmp_path / "watcher.json"), rows=str(path), **more))


def test_replay_finds_what_the_watcher_finds_in_the_same_rows(tmp_path: Path, config: WatcherConfig) -> None:
    asked = [rows(7, 500), warmer(8, 500), warmer(9, 500), rows(10, 500), rows(11, 500), rows(12, 500)]
    watched(config, tmp_path, *asked)
    table = pa.Table.from_pylist(
        [{**row, "at": int((START + 10 * number) * 1e6)} for number, window in enumerate(asked) for row in window]
    )
    at = table["at"].cast(pa.timestamp("us"))
    pq.write_table(table.drop_columns("at").append_column("at", at), tmp_path / "rows.parquet")
    timed = structs.replace(config, time_column="at")
    answer = answered(timed, tmp_path / "rows.parquet", tmp_path)
    kept = read_windows(tmp_path / "out" / WINDOWS_FILE)
    assert answer.by_time
    assert [(window.since, window.rows) for window in answer.windows] == [(one.since, one.rows) for one in kept]
    moved = [{(test.name, test.method) for test in window.tests if test.moved} for window in answer.windows]
    assert moved == [{(test.name, test.method) for test in window.tests if test.moved} for window in kept]
    assert moved[0] == set()
    assert {("temp", "ks"), ("carrier", "unseen")} <= moved[1]
    assert {finding.kind: bool(finding.closed) for finding in answer.findings} == {"drift": True, "quality": True}
    said = render_replay(answer)
    assert "2 of 6 windows moved." in said
    assert "closed by clean windows" in said


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_replay_reads_every_form_and_cuts_by_count_without_a_time(
    tmp_path: Path, config: WatcherConfig, suffix: str
) -> None:
    made = [*rows(7, 400), *warmer(8, 450)]
    path = tmp_path / f"rows{suffix}"
    match suffix:
        case ".csv":
            path.write_text(
                "temp,carrier,weekday\n" + "".join(f"{r['temp']},{r['carrier']},{r['weekday']}\n" for r in made)
            )
        case ".json":
            path.write_text(json.dumps(made))
        case _:
            path.write_text("".join(f"{json.dumps(row)}\n" for row in made))
    answer = answered(config, path, tmp_path, per_window=400, page=str(tmp_path / "page.html"))
    assert [bool([test for test in window.tests if test.moved]) for window in answer.windows] == [False, True]
    assert answer.left_over == 50
    assert "the last 50 rows are too few for a window" in render_replay(answer)
    assert "rows       401 to       800" in render_replay(answer)
    assert "row 400" in (tmp_path / "page.html").read_text()
    assert not (tmp_path / "out").exists()


def test_replay_of_rows_without_a_column_says_which_it_leaves_out(tmp_path: Path, config: WatcherConfig) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps({'temp': row['temp']})}\n" for row in warmer(8, 500)))
    answer = answered(config, path, tmp_path, per_window=500)
    assert answer.lacking == ("carrier", "weekday")
    assert {test.name for test in answer.windows[0].tests if test.moved} == {"temp"}
    assert "the rows lack it: carrier" in render_replay(answer)


@pytest.mark.parametrize(
    ("content", "words"),
    [("[]", "holds no rows"), ("{", "no file of rows"), ('[{"other": 1}]', "none of the columns"), ('[{"temp": "warm"}]', "`temp` is of type string, and the model takes float")],
)  # fmt: skip
def test_rows_that_cannot_be_judged_are_a_sentence(
    tmp_path: Path, config: WatcherConfig, content: str, words: str
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(content)
    assert words in answered(config, path, tmp_path).problem
