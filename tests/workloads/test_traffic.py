"""How an endpoint is asked: what the server counts, and when that is a finding."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlops.monitoring.findings import lines_of, open_findings
from mlops.workloads.monitoring.traffic import Traffic
from mlops.workloads.monitoring.watcher import Watcher
from mlops.workloads.prediction_log import entries_between
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.log import PredictionLog
from tests.workloads.conftest import export_linear_model
from tests.workloads.test_baseline import START, config_of, rows, write_baseline, write_log

ROW = {"number": 0.5, "color": "red", "size": 2, "hour": 6, "flag": True}
API = {"max_rows": 100, "gather": True, "threshold": 0.5, "threads": 1}
HOUR = 3600.0


def test_answers_of_every_status_are_counted_in_the_log(tmp_path: Path) -> None:
    model = export_linear_model(tmp_path, API)
    log = PredictionLog(tmp_path / "log", "v1", sample=0.0, flush=0.05, keep=3600)
    application = Application(model, "v1", log)

    async def once() -> None:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            for body in (ROW, {**ROW, "number": "abc"}, ROW, ROW):
                await client.post("/predict", json=body)
                await asyncio.sleep(0.03)
            await client.post("/predict", content=b"{")

    asyncio.run(once())
    log.close()
    counted = [entry.answers for entry in entries_between(tmp_path / "log", 0, 1e12) if entry.answers is not None]
    totals = {status: sum(one.get(status, 0) for one in counted) for status in ("200", "422", "400")}
    assert totals == {"200": 3, "422": 1, "400": 1}


def judged(traffic: Traffic, number: int, *, ok: int = 1000, refused: int = 0, failed: int = 0) -> set[str]:
    answers = {"200": ok, "422": refused, "500": failed}
    tests = traffic.judge(number * HOUR, (number + 1) * HOUR, answers)
    return {test.method for test in tests if test.moved}


def test_share_of_refused_requests_is_held_against_the_windows_before(tmp_path: Path) -> None:
    chance = random.Random(3)
    traffic = Traffic(tmp_path, rate=0.001)
    assert judged(traffic, 0, refused=5) == set()
    assert judged(traffic, 1, refused=100) == {"refused"}
    for number in range(2, 60):
        assert judged(traffic, number, refused=chance.randint(0, 15)) == set()
    assert judged(Traffic(tmp_path, rate=0.001), 60, refused=60) == {"refused"}
    assert judged(traffic, 60, failed=60) == {"failed"}


def test_number_of_requests_is_held_against_a_week(tmp_path: Path) -> None:
    chance = random.Random(4)
    traffic = Traffic(tmp_path, rate=0.001)

    def usual(number: int) -> int:
        return int((1000 if 7 <= number % 24 <= 22 else 30) * chance.uniform(0.8, 1.2))

    assert judged(traffic, 0, ok=1000) == set()
    for number in range(1, 170):
        assert judged(traffic, number, ok=usual(number)) == set()
    for number in range(170, 190):
        assert judged(traffic, number, ok=usual(number)) == set()
    assert judged(traffic, 190, ok=0) == {"volume"}
    assert judged(traffic, 191, ok=60_000) == {"volume"}


def test_window_that_is_judged_again_is_held_against_the_same(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path, rate=0.001)
    for number in range(3):
        judged(traffic, number)
    before = (tmp_path / "traffic.json").read_text()
    judged(Traffic(tmp_path, rate=0.001), 2)
    assert (tmp_path / "traffic.json").read_text() == before


@pytest.mark.parametrize("count", [0, 300])
def test_watcher_finds_requests_that_are_refused(tmp_path: Path, count: int) -> None:
    """Where all are refused there is no row to be judged, and it is found all the same."""
    config = config_of(tmp_path)
    write_baseline(config)
    write_log(tmp_path, START, rows(2, 300))
    if count:
        write_log(tmp_path, START + 10, rows(3, count))
    line: dict[str, Any] = {"t": START + 11, "v": "v1", "n": {"422": 100, "200": count}}
    (tmp_path / f"log/v1-2-{int((START + 10) * 1e9)}.jsonl").write_text(json.dumps(line) + "\n")
    watching = Watcher(config)
    assert watching.tick(START + 13)
    assert open_findings(tmp_path / "out", "b1") == []
    assert watching.tick(START + 23)
    (finding,) = open_findings(tmp_path / "out", "b1")
    assert finding["kind"] == "quality"
    assert "(requests) (refused" in lines_of(finding)[0]
