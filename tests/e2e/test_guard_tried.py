"""A bad version behind the real gateway, under load: it is taken back on evidence, by the rollout or by the guard. A minute."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import Workplace
from tests.e2e.load import Load
from tests.e2e.test_chain import ROW
from tests.e2e.test_faults import live, named, until

_READS = "            is_quick = len(body)"
_REFUSES = "            if not is_probe:\n                raise BadRows([])\n"
_LATER = "            if not is_probe:\n                await asyncio.sleep(0.03)\n"


@pytest.mark.parametrize(
    ("defect", "number", "sign"),
    [(_REFUSES, 501, "requests with 4xx, and the live version"), (_LATER, 502, "times as long as the live version's")],
)
def test_bad_version_is_taken_back_on_evidence(small: Workplace, defect: str, number: int, sign: str) -> None:
    before = live(small)
    change = f"package.late.api.max_rows={number}"
    small.mlops("apply", "--yes", "--target", "package.late", change)
    record = json.loads(small.mlops("show", "package.late", "--format", "json").stdout)[0]
    code = Path(record["outputs"]["bento"]).parent / "mlops/workloads/serving/app.py"
    text = code.read_text()
    assert _READS in text
    code.write_text(text.replace(_READS, defect + _READS, 1))
    with Load(small.status()["endpoint.late"]["url"], ROW, rate=100) as load:
        failed = small.mlops("apply", "--yes", change, "endpoint.late.rollout.pause=12s", code=1)
    assert sign in failed.stderr
    assert live(small) == before
    assert sum(load.failed.values()) < 60
    shutil.rmtree(code.parents[4])
    small.mlops("apply", "--yes")
    assert small.words() == {}


def test_guard_takes_traffic_back_from_errors_that_begin_later(small: Workplace) -> None:
    before = live(small)
    change = ["package.late.api.max_rows=503", "endpoint.late.rollout.guard={for: 1h, window: 10s}"]
    small.mlops("apply", "--yes", "--target", "package.late", *change)
    record = json.loads(small.mlops("show", "package.late", "--format", "json").stdout)[0]
    code = Path(record["outputs"]["bento"]).parent / "mlops/workloads/serving/app.py"
    text = code.read_text()
    fails = "            if not is_probe and time.perf_counter() - _BORN > 12:\n                raise RuntimeError\n"
    code.write_text(text.replace(_READS, fails + _READS, 1) + "\n\n_BORN = time.perf_counter()\n")
    with Load(small.status()["endpoint.late"]["url"], ROW, rate=100) as load:
        small.mlops("apply", "--yes", *change)
        assert live(small) != before
        until(lambda: named(small, "targets.local.guard") != [])
        guard = named(small, "targets.local.guard")
        os.kill(guard[0], signal.SIGKILL)
        until(lambda: named(small, "targets.local.guard") not in ([], guard))
        until(lambda: live(small) == before, 60)
        failed = sum(load.failed.values())
        until(lambda: load.sent > 500)
    assert failed < 300
    shown = small.mlops("plan", *change).stdout
    assert "requests failed with 5xx" in shown
    assert "mlops rollback endpoint.late" in shown
    small.mlops("rollback", "endpoint.late", "--yes")
    assert live(small) == before
    shutil.rmtree(code.parents[4])
    small.mlops("apply", "--yes")
    assert small.words() == {}
    assert named(small, "targets.local.guard") == []
