"""Compare versions that answer nobody, by outcomes that are drawn.

Lives here: compared, one comparison of drawn outcomes; rolled, one rollout with a strategy that compares, of simulated clients.
Not here: how often they are wrong (experiments), the simulated clients (simulated_rollout).
Law: the same seed gives the same outcomes; nothing of the comparison knows what is true.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from enum import Enum
from unittest import mock

from bench.simulated_rollout import GOOD, Behaviour, SimulatedFleet
from mlops.config.schema.endpoint import RolloutPolicy
from mlops.config.schema.experiment import Experiment
from mlops.errors import MlopsError
from mlops.rollout.experiment import Comparison, ExperimentVerdict, LabelledAnswer
from mlops.rollout.rollout import Rollout
from mlops.rollout.state import RolloutState


class Ended(Enum):
    CANDIDATE = "the candidate is better"
    LIVE = "what is live is better"
    NEITHER = "no difference was found"


_ENDS = {ExperimentVerdict.BETTER: Ended.CANDIDATE, ExperimentVerdict.WORSE: Ended.LIVE}


def compared(live: float, candidate: float, *, seed: int, most: int = 4000, error: float = 0.05) -> Ended:
    """Compare two versions that are right so often, looking after each of at most so many outcomes, half of them of either."""
    drawn = random.Random(seed)
    comparison = Comparison(Experiment.model_validate({"false_decision": error}), "v1", "v2")
    for _ in range(most):
        version, right = ("v1", live) if drawn.random() < 0.5 else ("v2", candidate)
        comparison.add(LabelledAnswer(version, ({"late": drawn.random() < right},), True))
        if (verdict := comparison.verdict()) is not None:
            return _ENDS[verdict]
    return Ended.NEITHER


class Killed(BaseException):
    """Whoever carried the rollout out is gone."""


class _Noting(SimulatedFleet):
    """`shares`: the candidate's percent at each change. `dies_at`: at which change whoever makes it is killed, once."""

    def __init__(self, candidate: Behaviour, *, seed: int, dies_at: int | None = None) -> None:
        self.shares: list[int] = []
        self.dies_at = dies_at
        self.began: set[float] = set()
        super().__init__(candidate, rate=20.0, seed=seed)

    def now(self) -> float:
        return self.clock

    def publish(self, state: RolloutState) -> None:
        if len(self.shares) == self.dies_at:
            self.dies_at = None
            raise Killed
        super().publish(RolloutState.from_json(state.to_json()))
        if state.routing is not None:
            self.began.add(state.routing.since)
        self.shares.append(state.weights.get("v2", 0))


@dataclass(frozen=True)
class Rolled:
    evidence: str | None
    shares: list[int] = field(default_factory=list)
    began: frozenset[float] = frozenset()
    """When the experiment began, as each of those who carried it out knew it."""


def rolled(
    strategy: str, right: float, *, seed: int, at_most: float = 3600.0, if_equal: str = "live", dies_at: int | None = None
) -> Rolled:  # fmt: skip
    """Roll out a version that is right so often beside one that is in 60% of its answers. Who is killed at a change is followed by
    another."""
    experiment = {"at_most": at_most, "if_equal": if_equal}
    said = {"strategy": strategy, "experiment": experiment, "drain": 0.0, "pause": 2.0}
    policy = RolloutPolicy.model_validate(said)
    fleet = _Noting(replace(GOOD, right=right), seed=seed, dies_at=dies_at)
    with (
        mock.patch("mlops.rollout.watch.sleep", fleet.sleep),
        mock.patch("mlops.rollout.strategies.time.time", fleet.now),
    ):
        for _ in range(2):
            try:
                Rollout(fleet, policy, lambda line, share: None).converge("new", {}, 1, {})
                return Rolled(None, fleet.shares, frozenset(fleet.began))
            except Killed:
                fleet.sleep(5.0)
            except MlopsError as error:
                return Rolled(error.problems[0].detail, fleet.shares, frozenset(fleet.began))
    raise AssertionError("it was killed twice")
