"""Rollouts that no apply waits for: a controller carries them on, whatever is killed, and the next plan says what came of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import httpx

from bench.bad_versions import ROWS, Defect
from tests.e2e.conftest import Workplace
from tests.e2e.load import Load
from tests.e2e.test_chain import ROW
from tests.e2e.test_faults import named, until
from tests.e2e.test_strategies import next_version

CONTROLLER = "targets.local.controller"


def state(place: Workplace) -> dict[str, Any]:
    """What the endpoint's file says."""
    found: dict[str, Any] = json.loads((place.root / ".mlops/run/dev/local/endpoints/late/route.json").read_text())
    return found


def words_of(rows: int, pause: str) -> list[str]:
    return [f"package.late.api.max_rows={rows}", f"endpoint.late.rollout.pause={pause}"]


def planned(place: Workplace, *words: str) -> tuple[list[str], str]:
    """What would change, and what the plan says of the endpoint besides; its monitor finds drift where an hour ends meanwhile."""
    document = place.plan(*words)
    of_endpoint = [one for one in document["attention"] if one["address"] == "endpoint.late"]
    return [change["address"] for change in document["changes"]], json.dumps(of_endpoint)


def leave(place: Workplace, words: list[str]) -> tuple[str, int]:
    """Apply without waiting; return the version that rolls out, and the process that is at it."""
    after = next_version(place)
    done = place.mlops("apply", "--yes", "--no-wait", *words)
    assert f"{after} takes " in done.stdout
    assert "it goes on by itself: mlops status --watch" in done.stdout
    assert state(place)["rolling"]["candidate"] == after
    (controller,) = named(place, CONTROLLER)
    return after, controller


def test_good_version_goes_live_though_its_controller_is_killed(small: Workplace) -> None:
    before, words = state(small)["live"], words_of(711, "5s")
    with Load(small.status()["endpoint.late"]["url"], ROWS, rate=50) as load:
        after, controller = leave(small, words)
        os.kill(controller, signal.SIGKILL)
        assert state(small)["live"] == before
        until(lambda: named(small, CONTROLLER) not in ([], [controller]))
        watched = small.mlops("status", "--watch", "--every", "200ms")
    assert load.failed == {}
    assert load.versions[after] > 0
    assert f"{after}  healthy  2/2 replicas" in watched.stdout
    until(lambda: named(small, CONTROLLER) == [])
    assert (state(small)["live"], set(state(small)["versions"])) == (after, {after})
    assert planned(small, *words) == ([], "[]")
    small.mlops("rollback", "endpoint.late", "--now", "--yes")
    small.mlops("apply", "--yes")
    assert small.words() == {}


def test_bad_version_leaves_and_the_next_plan_says_why(small: Workplace) -> None:
    before, words, broken = state(small)["live"], words_of(712, "60s"), small.root / "broken"
    small.mlops("apply", "--yes", "--target", "package.late", *words[:1])
    record = json.loads(small.mlops("show", "package.late", "--format", "json").stdout)[0]
    code = Path(record["outputs"]["bento"]).parent / "mlops/workloads/serving/app.py"
    Defect(f"if __import__('os').path.exists({str(broken)!r}): raise RuntimeError").put_into(code)
    with Load(small.status()["endpoint.late"]["url"], ROWS, rate=40):
        after, _ = leave(small, words)
        broken.touch()
        watched = small.mlops("status", "--watch", "--every", "200ms", code=1)
    assert f"{after} was found bad at" in watched.stdout
    assert "requests failed with 5xx" in watched.stdout
    until(lambda: named(small, CONTROLLER) == [])
    assert (state(small)["live"], set(state(small)["versions"])) == (before, {before})
    shown = small.mlops("plan", *words).stdout
    assert f"its rollout gave up {after}: {after} at 50%: " in shown
    assert "the rollout of endpoint.late gave up" in shown
    assert "mlops rollback endpoint.late" in shown
    small.mlops("rollback", "endpoint.late", "--yes")
    shutil.rmtree(code.parents[4])
    small.mlops("apply", "--yes")
    assert planned(small) == ([], "[]")


def test_rollout_outlives_its_supervisor_and_ends_at_a_rollback(small: Workplace) -> None:
    before, words = state(small)["live"], words_of(711, "60s")
    url = small.status()["endpoint.late"]["url"]
    after, controller = leave(small, words)
    (supervisor,) = named(small, "supervisord")
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: named(small, CONTROLLER) not in ([], [controller]))

    def answers() -> bool:
        try:
            return httpx.post(f"{url}/predict", json=ROW).status_code == 200
        except httpx.TransportError:
            return False

    until(answers, 60)
    while_starting: list[Any] = []

    def is_whole() -> bool:
        while_starting[:] = [(change["address"], change["because"]) for change in small.plan(*words)["changes"]]
        return not while_starting

    try:
        until(is_whole, 90)
    except AssertionError:
        raise AssertionError(f"still to change: {while_starting}; {state(small)}") from None
    assert f"endpoint.late rolls {after} out" in planned(small, *words)[1]
    assert state(small)["weights"] == {before: 50, after: 50}
    small.mlops("rollback", "endpoint.late", "--now", "--yes")
    assert (state(small)["live"], set(state(small)["versions"])) == (before, {before})
    assert named(small, CONTROLLER) == []
    small.mlops("apply", "--yes")
    assert small.words() == {}
