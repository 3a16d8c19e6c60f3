"""Rollouts that no apply waits for: a controller carries them on, whatever is killed, and the next plan says what came of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from bench.bad_versions import ROWS, Defect
from tests.e2e.conftest import Workplace
from tests.e2e.load import Load
from tests.e2e.test_faults import answers, live, named, until
from tests.e2e.test_strategies import next_version

CONTROLLER = "targets.local.controller"


def state(place: Workplace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place.root / ".mlops/run/dev/local/endpoints/late/route.json").read_text())
    return found


def words_of(rows: int, pause: str) -> list[str]:
    return [f"package.late.api.max_rows={rows}", f"endpoint.late.rollout.pause={pause}"]


def attention(place: Workplace, *words: str) -> str:
    return json.dumps(place.plan(*words)["attention"])


def leave(place: Workplace, words: list[str]) -> str:
    """Apply without waiting; return the version that rolls out."""
    after = next_version(place)
    done = place.mlops("apply", "--yes", "--no-wait", *words)
    assert f"{after} takes 50% since" in done.stdout
    assert "it goes on by itself: mlops status --watch" in done.stdout
    assert state(place)["rolling"]["candidate"] == after
    return after


def test_good_version_goes_live_by_itself_and_by_another_controller_where_one_is_killed(small: Workplace) -> None:
    before, words = live(small), words_of(711, "2s")
    with Load(small.status()["endpoint.late"]["url"], ROWS, rate=40) as load:
        after = leave(small, words)
        began = state(small)["rolling"]
        (killed,) = named(small, CONTROLLER)
        os.kill(killed, signal.SIGKILL)
        assert small.words(*words) == {}
        assert f"endpoint.late rolls {after} out" in attention(small, *words)
        assert live(small) == before
        until(lambda: named(small, CONTROLLER) not in ([], [killed]))
        watched = small.mlops("status", "--watch", "--every", "200ms")
    assert load.failed == {}
    assert load.versions[after] > 0
    assert f"{after} takes " in watched.stdout
    assert live(small) == after
    assert set(state(small)["versions"]) == {after}
    assert began["part"] == 1
    assert (small.words(*words), attention(small, *words)) == ({}, "[]")
    until(lambda: named(small, CONTROLLER) == [])
    assert small.words(*words) == {}
    small.mlops("rollback", "endpoint.late", "--now", "--yes")
    small.mlops("apply", "--yes")
    assert small.words() == {}


def test_bad_version_leaves_and_the_next_plan_says_why(small: Workplace) -> None:
    before, words, broken = live(small), words_of(712, "60s"), small.root / "broken"
    small.mlops("apply", "--yes", "--target", "package.late", *words[:1])
    record = json.loads(small.mlops("show", "package.late", "--format", "json").stdout)[0]
    code = Path(record["outputs"]["bento"]).parent / "mlops/workloads/serving/app.py"
    Defect(f"if __import__('os').path.exists({str(broken)!r}): raise RuntimeError").put_into(code)
    with Load(small.status()["endpoint.late"]["url"], ROWS, rate=40):
        after = leave(small, words)
        broken.touch()
        watched = small.mlops("status", "--watch", "--every", "200ms", code=1)
    assert f"{after} was found bad at" in watched.stdout
    assert "requests failed with 5xx" in watched.stdout
    assert live(small) == before
    assert set(state(small)["versions"]) == {before}
    shown = small.mlops("plan", *words).stdout
    assert f"its rollout gave up {after}: {after} at 50%: " in shown
    assert "the rollout of endpoint.late gave up" in shown
    assert "mlops rollback endpoint.late" in shown
    small.mlops("rollback", "endpoint.late", "--yes")
    shutil.rmtree(code.parents[4])
    small.mlops("apply", "--yes")
    assert (small.words(), attention(small)) == ({}, "[]")


def test_rollout_goes_on_after_its_supervisor_was_killed_and_ends_at_a_rollback(small: Workplace) -> None:
    before, words = live(small), words_of(713, "60s")
    after = leave(small, words)
    (killed,) = named(small, CONTROLLER)
    (supervisor,) = named(small, "supervisord")
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: named(small, CONTROLLER) not in ([], [killed]))
    until(lambda: answers(small))
    until(lambda: small.words(*words) == {})
    assert state(small)["weights"] == {before: 50, after: 50}
    small.mlops("rollback", "endpoint.late", "--now", "--yes")
    assert (live(small), set(state(small)["versions"])) == (before, {before})
    assert named(small, CONTROLLER) == []
    small.mlops("apply", "--yes")
    assert small.words() == {}
