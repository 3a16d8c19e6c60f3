"""A rollout that no apply waits for: begun, carried on, and killed anywhere; the next controller goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bench.simulated_rollout import GOOD, Behaviour
from mlops.config.effective import effective_json, typed
from mlops.config.schema.endpoint import RolloutPolicy
from mlops.errors import ToolFailed
from mlops.rollout import watch
from mlops.rollout.controller import Controller
from mlops.rollout.rollout import Rollout
from mlops.rollout.state import RolloutState
from tests.unit.rollout.test_guard import Killed, WatchedFleet

STEPPED = {"steps": ["20%", "50%", "100%"], "pause": "5s", "drain": "0s"}
FAILS = Behaviour(failed=0.2)


class LeftFleet(WatchedFleet):
    """Notes the weight of the candidate at each move, and ends the process in the sleep with the number `ends_at`."""

    def __init__(self, candidate: Behaviour) -> None:
        super().__init__(candidate)
        self.shares: list[int] = []
        self.ends_at: int | None = None
        self.slept = 0

    def publish(self, state: RolloutState) -> None:
        super().publish(state)
        self.shares.append(state.weights.get("v2", 0))

    def pause(self, seconds: float) -> None:
        self.slept += 1
        if self.slept == self.ends_at:
            raise Killed
        self.sleep(seconds)


def policy_of(**fields: Any) -> Any:
    return effective_json(RolloutPolicy.model_validate({**STEPPED, **fields}))


def left(candidate: Behaviour, policy: Any, monkeypatch: pytest.MonkeyPatch) -> LeftFleet:
    """Return a fleet on which an apply has begun a rollout."""
    fleet = LeftFleet(candidate)
    monkeypatch.setattr(watch, "sleep", fleet.pause)
    monkeypatch.setattr("mlops.rollout.rollout.time.time", lambda: fleet.clock)
    guard = policy if policy["guard"] else None
    rollout = Rollout(fleet, typed(policy), lambda line, share: None, guard=guard, leaves=policy)
    version, _ = rollout.converge("new", {}, 3, {})
    assert (version, fleet.state.live, dict(fleet.state.weights)) == ("v2", "v1", {"v1": 100, "v2": 0})
    fleet.changes, fleet.shares = 0, []
    return fleet


def carry_on(fleet: LeftFleet) -> list[str]:
    """Run controllers until one finds nothing to do; a killed one is followed by another. Return what they said."""
    said: list[str] = []
    controller = Controller(fleet, lambda: fleet.clock, said.append)
    for _ in range(400):
        fleet.sleep(1.0)
        try:
            if not controller.look():
                return said
        except Killed:
            controller = Controller(fleet, lambda: fleet.clock, said.append)
    raise AssertionError("the controller never ended")


def check_ended(fleet: LeftFleet, live: str) -> None:
    state = fleet.state
    assert (state.live, dict(state.weights), set(state.versions), fleet.running) == (live, {live: 100}, {live}, {live})
    assert (state.rolling, state.routing) == (None, None)


@pytest.mark.parametrize("strategy", ["canary", "rolling", "blue_green", "shadow"])
@pytest.mark.parametrize("behaviour", [GOOD, FAILS], ids=["good", "bad"])
def test_controller_killed_at_any_change_is_taken_up_by_the_next(
    behaviour: Behaviour, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dies_at in range(14):
        fleet = left(behaviour, policy_of(strategy=strategy), monkeypatch)
        fleet.dies_at = dies_at
        carry_on(fleet)
        check_ended(fleet, "v2" if behaviour is GOOD else "v1")
        back = fleet.state.reversal
        assert (back is None) is (behaviour is GOOD)
        assert back is None or ("requests failed with 5xx" in back.why and not back.was_live)


@pytest.mark.parametrize("ends_at", [3, 12, 15, 27])
def test_killed_step_is_watched_to_its_end_and_no_step_twice(ends_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = policy_of(pause="20s")
    undisturbed = left(GOOD, policy, monkeypatch)
    carry_on(undisturbed)
    fleet = left(GOOD, policy, monkeypatch)
    fleet.ends_at = ends_at
    carry_on(fleet)
    check_ended(fleet, "v2")
    assert fleet.shares == sorted(fleet.shares)
    assert fleet.clock - undisturbed.clock <= 6.0


def left_in_a_step(monkeypatch: pytest.MonkeyPatch) -> LeftFleet:
    """A controller was killed while clients are asking the version."""
    fleet = left(GOOD, policy_of(pause="60s"), monkeypatch)
    fleet.ends_at = 20
    with pytest.raises(Killed):
        Controller(fleet, lambda: fleet.clock, lambda text: None).look()
    return fleet


def test_evidence_of_a_step_outlives_its_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that failed before the kill count after it."""
    fleet = left_in_a_step(monkeypatch)
    version = fleet.versions["v2"]
    version.failed += 40
    said: list[str] = []
    Controller(fleet, lambda: fleet.clock, said.append).look()
    assert fleet.state.reversal is not None
    assert "requests failed with 5xx" in fleet.state.reversal.why
    assert said[-1].startswith("v2 does not take over: v2 at 20%: ")


def test_what_failed_while_the_whole_stack_started_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = left_in_a_step(monkeypatch)
    version = fleet.versions["v2"]
    version.started, version.answered, version.failed = 40, 40, 40  # of a gateway that runs before the versions do
    monkeypatch.setattr(fleet, "counter_id", lambda: "another")
    carry_on(fleet)
    check_ended(fleet, "v2")


def test_what_went_live_is_guarded_by_the_same_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Behaviour(failed=0.1, from_second=35.0)
    fleet = left(late, policy_of(guard={"for": "2m", "window": "20s"}), monkeypatch)
    carry_on(fleet)
    check_ended(fleet, "v1")
    back = fleet.state.reversal
    assert back is not None
    assert back.was_live


def test_what_fails_outside_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = left(GOOD, policy_of(), monkeypatch)
    before = fleet.state

    def refuse(state: RolloutState) -> None:
        raise ToolFailed.of("gateway refuses", "it does not run")

    with monkeypatch.context() as patched:
        patched.setattr(fleet, "publish", refuse)
        with pytest.raises(ToolFailed, match="gateway refuses"):
            Controller(fleet, lambda: fleet.clock, lambda text: None).look()
    assert fleet.state == before
    carry_on(fleet)
    check_ended(fleet, "v2")


def at_second_part(monkeypatch: pytest.MonkeyPatch) -> LeftFleet:
    fleet = left(GOOD, policy_of(), monkeypatch)
    fleet.ends_at = 13
    with pytest.raises(Killed):
        Controller(fleet, lambda: fleet.clock, lambda text: None).look()
    assert (fleet.state.rolling.part, fleet.state.weights["v2"]) == (2, 50)  # type: ignore[union-attr]
    fleet.shares = []
    return fleet


def converge(fleet: LeftFleet, key: str, **said: Any) -> Sequence[int]:
    Rollout(fleet, typed(policy_of()), lambda line, share: None, **said).converge(key, {}, 3, {})
    return fleet.shares


def test_apply_that_waits_goes_on_where_the_controller_was(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = at_second_part(monkeypatch)
    assert converge(fleet, "new")[:2] == [50, 100]
    check_ended(fleet, "v2")


def test_apply_that_does_not_wait_leaves_the_part_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = at_second_part(monkeypatch)
    began = fleet.state.rolling
    assert converge(fleet, "new", leaves=policy_of()) == [50]
    assert fleet.state.rolling == began
    carry_on(fleet)
    check_ended(fleet, "v2")


def test_other_version_takes_the_place_of_the_one_that_rolls_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = at_second_part(monkeypatch)
    fleet.versions["v3"] = fleet.versions["v2"]
    converge(fleet, "newer")
    check_ended(fleet, "v3")


def test_going_back_gives_it_up_in_one_move(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = at_second_part(monkeypatch)
    converge(fleet, "old", at_once=True, goes_back=True)
    check_ended(fleet, "v1")
    assert fleet.state.reversal is None


def test_state_of_a_rollout_reads_back_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    state = at_second_part(monkeypatch).state
    assert RolloutState.from_json(state.to_json()) == state
    newer = {**state.to_json(), "rolling": {**state.to_json()["rolling"], "later_field": 1}}
    assert RolloutState.from_json(newer) == state
