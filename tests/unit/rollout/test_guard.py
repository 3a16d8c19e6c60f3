"""A version that went live is watched, and what stayed warm gets the traffic back; killed anywhere, the next guard goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.simulated_rollout import GOOD, Behaviour, SimulatedFleet
from mlops.config.effective import effective_json, typed
from mlops.config.schema.endpoint import RolloutPolicy
from mlops.rollout import watch
from mlops.rollout.evidence import Counts
from mlops.rollout.guard import Guard
from mlops.rollout.rollout import Rollout
from mlops.rollout.state import RolloutState

POLICY = effective_json(
    RolloutPolicy.model_validate(
        {"steps": ["50%", "100%"], "pause": "2s", "drain": "0s", "guard": {"for": "2m", "window": "20s"}}
    )
)
LATE = Behaviour(failed=0.1, from_second=25.0)
"""Answers well for so long, and is in no step found."""


class Killed(Exception):
    """The process ended here."""


class WatchedFleet(SimulatedFleet):
    """Ends the process before or after the change with the number `dies_at`. `running`: versions that have processes."""

    def __init__(self, candidate: Behaviour, dies_at: int | None = None) -> None:
        super().__init__(candidate, rate=100.0, seed=3)
        self.dies_at, self.changes, self.running = dies_at, 0, {"v1"}

    def _act(self, do: Callable[[], object]) -> None:
        for moment in (do, lambda: None):
            if self.changes == self.dies_at:
                self.dies_at = None
                raise Killed
            self.changes += 1
            moment()

    def start(self, state: RolloutState, version: str, replicas: int, timeout: float) -> RolloutState:
        self.running.add(version)
        return state

    def read(self) -> RolloutState:
        return RolloutState.from_json(self.state.to_json())

    def publish(self, state: RolloutState) -> None:
        self._act(lambda: setattr(self, "state", state))

    def drop(self, version: str) -> None:
        self._act(lambda: self.running.discard(version))

    def strays(self, known: object) -> list[str]:
        return sorted(self.running - set(known))  # type: ignore[call-overload]


def guarded(candidate: Behaviour, monkeypatch: pytest.MonkeyPatch) -> WatchedFleet:
    fleet = WatchedFleet(candidate)
    monkeypatch.setattr(watch, "sleep", fleet.sleep)
    monkeypatch.setattr("mlops.rollout.rollout.time.time", lambda: fleet.clock)
    _, note = Rollout(fleet, typed(POLICY), lambda line, share: None, guard=POLICY).converge("new", {}, 1, {})
    assert "v1 stays warm" in note
    assert (fleet.state.live, fleet.running) == ("v2", {"v1", "v2"})
    fleet.changes = 0
    return fleet


def keep_watching(fleet: WatchedFleet) -> None:
    """Run guards until one finds nothing more to watch; a killed one is followed by another."""
    guard = Guard(fleet, lambda: fleet.clock, lambda text: None)
    for _ in range(400):
        fleet.sleep(1.0)
        try:
            if not guard.look():
                return
        except Killed:
            guard = Guard(fleet, lambda: fleet.clock, lambda text: None)
    raise AssertionError("the guard never ended")


def test_errors_that_begin_later_give_all_traffic_back(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = guarded(LATE, monkeypatch)
    keep_watching(fleet)
    assert (fleet.state.live, dict(fleet.state.weights), fleet.running) == ("v1", {"v1": 100}, {"v1"})
    back = fleet.state.reversal
    assert back is not None
    assert (back.from_version, back.to_version) == ("v2", "v1")
    assert "requests failed with 5xx" in back.why
    assert fleet.harmed < 150


def test_good_version_is_let_alone_and_what_stayed_warm_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = guarded(GOOD, monkeypatch)
    began = fleet.clock
    keep_watching(fleet)
    assert (fleet.state.live, fleet.running, fleet.state.reversal) == ("v2", {"v2"}, None)
    assert 119 <= fleet.clock - began <= 125


@pytest.mark.parametrize("behaviour", [LATE, GOOD])
def test_guard_killed_at_any_change_is_taken_up_by_the_next(
    behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dies_at in range(7):
        fleet = guarded(behaviour, monkeypatch)
        fleet.dies_at = dies_at
        keep_watching(fleet)
        expected = "v1" if behaviour is LATE else "v2"
        assert (fleet.state.live, dict(fleet.state.weights), fleet.running) == (expected, {expected: 100}, {expected})
        assert set(fleet.state.versions) == {expected}


def test_state_of_a_guard_reads_back_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    state = guarded(GOOD, monkeypatch).state
    assert RolloutState.from_json(state.to_json()) == state
    back = state.taken_back(5.0, "it failed")
    assert RolloutState.from_json(back.to_json()) == back
    newer = {**back.to_json(), "reversal": {**back.to_json()["reversal"], "later_field": 1}}
    assert RolloutState.from_json(newer) == back
    counts = Counts(3, 2, 1, 0, 1, {0.5: 2})
    assert Counts.from_json(counts.to_json()) == counts
