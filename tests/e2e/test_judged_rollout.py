"""Versions behind the real gateway, under load: bad ones are taken back on evidence, by the rollout or by the guard, and a good one
goes live. A few minutes. The whole table of bad and good versions is `python -m bench live_rollouts`."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from bench.bad_versions import BAD, Defect, Rehearsal
from tests.e2e.conftest import Workplace
from tests.e2e.test_faults import live, named, until


@pytest.mark.parametrize(
    ("name", "sign", "most"),
    [
        ("422 to everything", "requests with 4xx, and the live version", 60),
        ("wrong on one segment", "it gives a wholly other answer than the live version", 60),
    ],
)
def test_bad_version_is_taken_back_on_evidence(small: Workplace, name: str, sign: str, most: int) -> None:
    before = live(small)
    ended = Rehearsal(small).roll(BAD[name])
    assert sign in str(ended.evidence)
    assert ended.hurt < most
    assert live(small) == before
    assert small.words() == {}


def test_guard_that_is_killed_takes_traffic_back_from_errors_that_begin_later(small: Workplace) -> None:
    """The errors begin once the guard watches, and was ended; another goes on."""
    before = live(small)
    broken = small.root / "broken"
    killed: list[int] = []
    told: list[dict[str, Any]] = []

    def kill_the_guard() -> None:
        until(lambda: named(small, "targets.local.controller") != [], 120)
        killed.append(named(small, "targets.local.controller")[0])
        os.kill(killed[0], signal.SIGKILL)
        broken.touch()
        until(lambda: "failing" in small.status()["endpoint.late"]["text"], 30)
        told.append(small.status()["endpoint.late"])

    killer = threading.Thread(target=kill_the_guard, daemon=True)
    killer.start()
    defect = Defect(f"if __import__('os').path.exists({str(broken)!r}): raise RuntimeError", guard=90)
    ended = Rehearsal(small, policy=("steps=[50%,100%]", "pause=2s", "drain=500ms")).roll(defect)
    killer.join(30)
    assert len(killed) == 1
    assert "answers in the last minute were errors (5xx)" in str(told[0]["attention"])
    assert "requests failed with 5xx" in str(ended.evidence)
    assert "mlops rollback endpoint.late" in str(ended.evidence)
    assert live(small) == before
    assert small.words() == {}
    assert named(small, "targets.local.controller") == []


def test_good_version_goes_live_under_the_same_load(small: Workplace) -> None:
    ended = Rehearsal(small, policy=("steps=[10%,50%,100%]", "pause=4s", "drain=500ms")).roll(None)
    assert ended.evidence is None
    assert ended.hurt == 0
    assert small.words() == {}
