"""How traffic moves from one version to the next, on a fleet that runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import pytest

from mlops.config.schema.endpoint import RolloutPolicy
from mlops.errors import MlopsError
from mlops.rollout.evidence import Counts, Pair
from mlops.rollout.experiment import LabelledAnswer
from mlops.rollout.rollout import Rollout
from mlops.rollout.state import RolloutState, VersionState


class Fleet:
    """Runs nothing, and notes each move. `failing`: the share of a version's requests that fail."""

    name = "late"

    def __init__(self, failing: float = 0.0) -> None:
        self.state = RolloutState("v1", 2, {"v1": VersionState("old", 1)}, {"v1": 100})
        self.failing = failing
        self.moves: list[str] = []
        self.asked = 0

    def read(self) -> RolloutState:
        return self.state

    def publish(self, state: RolloutState) -> None:
        self.state = state
        weights = " ".join(f"{version}={share}" for version, share in sorted(state.weights.items()))
        copied = " copies" if state.routing is not None and state.routing.mirrored else ""
        self.moves.append(weights + copied)

    def start(self, state: RolloutState, version: str, replicas: int, timeout: float) -> RolloutState:
        self.moves.append(f"start {version}")
        return state

    def shrink(self, state: RolloutState, version: str, replicas: int, drain: float) -> RolloutState:
        return state

    def drop(self, version: str) -> None:
        self.moves.append(f"drop {version}")

    def strays(self, known: Collection[str]) -> list[str]:
        return []

    def counts(self, version: str) -> Counts:
        self.asked += 100
        return Counts(self.asked, self.asked, 0, round(self.asked * self.failing))

    def counter_id(self) -> str:
        return "one"

    def compare(self, live: str, candidate: str, known: Collection[str], most: int) -> Mapping[str, Pair]:
        return {}

    def ask_golden(self, version: str) -> str | None:
        return None

    def labelled_answers(self, since: float) -> Callable[[], Sequence[LabelledAnswer]]:
        return lambda: ()


POLICY = RolloutPolicy.model_validate({"steps": ["10%", "50%", "100%"], "pause": "0s", "drain": "0s"})


def test_failed_step_leaves_in_one_move_and_is_drained_before_it_stops() -> None:
    fleet = Fleet(failing=0.5)
    with pytest.raises(MlopsError, match="v2 at 10%"):
        Rollout(fleet, POLICY, lambda line, share: None).converge("new", {}, 1, {})
    assert fleet.moves == ["start v2", "v1=100 v2=0", "v1=90 v2=10", "v1=100", "v1=100", "drop v2"]
    assert set(fleet.state.versions) == {"v1"}


def test_rollout_at_once_takes_no_steps() -> None:
    fleet = Fleet(failing=0.5)
    _, note = Rollout(fleet, POLICY, lambda line, share: None, at_once=True).converge("new", {}, 1, {})
    assert fleet.moves == ["start v2", "v2=100", "v2=100", "drop v1"]
    assert "in one move" in note


@pytest.mark.parametrize(
    ("strategy", "moves"),
    [
        ("canary", ["start v2", "v1=100 v2=0", "v1=90 v2=10", "v1=50 v2=50", "v1=0 v2=100", "v2=100", "v2=100", "drop v1"]),
        (
            "rolling",
            ["start v2", "v1=100 v2=0", "start v2", "v1=67 v2=33", "start v2", "v1=33 v2=67", "start v2", "v1=0 v2=100", "v2=100",
             "v2=100", "drop v1"],
        ),
        ("blue_green", ["start v2", "v1=100 v2=0", "v1=0 v2=100", "v2=100", "v2=100", "drop v1"]),
        ("shadow", ["start v2", "v1=100 v2=0", "v1=100 v2=0 copies", "v1=0 v2=100", "v2=100", "v2=100", "drop v1"]),
    ],
)  # fmt: skip
def test_good_version_takes_over_as_its_strategy_says(strategy: str, moves: list[str]) -> None:
    fleet = Fleet()
    policy = POLICY.model_copy(update={"strategy": strategy})
    Rollout(fleet, policy, lambda line, share: None).converge("new", {}, 3, {})
    assert fleet.moves == moves
    assert fleet.state.routing is None


@pytest.mark.parametrize("strategy", ["canary", "rolling", "blue_green", "shadow", "ab", "bandit"])
def test_bad_version_leaves_in_one_move_whatever_the_strategy(strategy: str) -> None:
    fleet = Fleet(failing=0.5)
    policy = POLICY.model_copy(update={"strategy": strategy})
    with pytest.raises(MlopsError, match="requests failed with 5xx"):
        Rollout(fleet, policy, lambda line, share: None).converge("new", {}, 3, {})
    assert fleet.moves[-3:] == ["v1=100", "v1=100", "drop v2"]
    assert (fleet.state.live, set(fleet.state.versions), fleet.state.routing) == ("v1", {"v1"}, None)


def test_going_back_takes_steps_whatever_the_strategy() -> None:
    fleet = Fleet()
    policy = POLICY.model_copy(update={"strategy": "ab"})
    Rollout(fleet, policy, lambda line, share: None, goes_back=True).converge("new", {}, 3, {})
    assert "v1=90 v2=10" in fleet.moves
