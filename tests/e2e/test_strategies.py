"""Strategies behind the real gateway: a shadow answers nobody, and an experiment ends by the outcomes that clients send."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from itertools import cycle
from types import TracebackType

import httpx
import pytest

from bench.bad_versions import ROWS
from tests.e2e.conftest import Workplace
from tests.e2e.load import Load
from tests.e2e.test_faults import live, until


def next_version(place: Workplace) -> str:
    state = json.loads((place.root / ".mlops/run/dev/local/endpoints/late/route.json").read_text())
    return f"v{state['next']}"


class Users:
    """Clients who ask, know who they are, and say later what came of the answer. `right`: which versions are right; all others are
    wrong. `given`: the versions that each user got, in their order."""

    def __init__(self, url: str, right: str) -> None:
        self.url, self.right = url, right
        self.given: dict[str, list[str]] = defaultdict(list)
        self.asked_for: dict[str, set[str]] = defaultdict(set)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._go, args=(number,), daemon=True) for number in range(8)]

    def __enter__(self) -> Users:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _go(self, number: int) -> None:
        with httpx.Client(timeout=20) as client:
            for turn, row in enumerate(cycle(ROWS[number::8])):
                if self._stop.wait(0.05):
                    return
                user = f"user-{number}-{turn % 5}"
                answer = client.post(f"{self.url}/predict", json=row, headers={"x-user": user})
                version = answer.headers["x-mlops-version"]
                self.given[user].append(version)
                said = answer.json()["predictions"][0]["late"]
                is_right = (version == self.right) or turn % 4 == 0
                body = {"id": answer.headers["x-request-id"], "label": said if is_right else not said}
                assert client.post(f"{self.url}/feedback", json=body).status_code == 202
                if turn % 10 == 0:
                    tester = client.post(f"{self.url}/predict", json=row, headers={"x-mlops-version": "candidate"})
                    self.asked_for["candidate"].add(tester.headers["x-mlops-version"])


@pytest.mark.parametrize(("strategy", "is_better"), [("ab", True), ("bandit", False)])
def test_experiment_ends_by_outcomes_and_clients_stay_with_their_version(
    small: Workplace, strategy: str, is_better: bool
) -> None:
    before = live(small)
    after = next_version(small)
    words = [
        f"package.late.api.max_rows={611 + is_better}", f"endpoint.late.rollout.strategy={strategy}",
        "endpoint.late.rollout.experiment={header: x-user, at_most: 5m}", "endpoint.late.rollout.pause=1s",
    ]  # fmt: skip
    with Users(small.status()["endpoint.late"]["url"], after if is_better else before) as users:
        done = small.mlops("apply", "--yes", *words, code=0 if is_better else 1)
        until(lambda: after in set().union(*users.given.values()))
    if is_better:
        assert live(small) == after
    else:
        assert f"{after} is worse: outcomes of {before}" in done.stderr
        assert live(small) == before
    if strategy == "ab":
        came = [given.index(after) for given in users.given.values()]
        assert all(set(given[first:]) == {after} for given, first in zip(users.given.values(), came, strict=True))
        assert max(came) > min(came) + 1  # some got it at the beginning, and others when it went live
    assert after in users.asked_for["candidate"]
    if is_better:
        small.mlops("rollback", "endpoint.late", "--now", "--yes")
    small.mlops("apply", "--yes")
    assert small.words() == {}


def test_shadow_answers_nobody_and_is_no_traffic(small: Workplace) -> None:
    after = next_version(small)
    words = ["package.late.api.max_rows=613", "endpoint.late.rollout.strategy=shadow", "endpoint.late.rollout.pause=3s"]
    with Load(small.status()["endpoint.late"]["url"], ROWS, rate=40) as load:
        small.mlops("apply", "--yes", *words)
    assert load.failed == {}
    assert load.versions[after] > 0
    folder = small.root / ".mlops/run/dev/local/endpoints/late/log"

    def logged() -> set[str]:
        lines = [line for path in folder.glob(f"{after}-*") for line in path.read_bytes().splitlines()]
        return {line["id"] for line in map(json.loads, lines) if "q" in line and line["v"] == after}

    answered = {request for request, version in load.given.items() if version == after}
    until(lambda: answered <= logged())
    others = {request: load.given.get(request) for request in logged() - answered}
    assert others == {}, load.versions  # with the copies it were hundreds
    small.mlops("rollback", "endpoint.late", "--now", "--yes")
    small.mlops("apply", "--yes")
    assert small.words() == {}
