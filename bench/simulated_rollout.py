"""Roll versions out that run nowhere.

Lives here: Behaviour (how a version answers), SimulatedFleet, which answers requests of a simulated clock, and promoted, which
rolls one out.
Not here: the rollout itself (mlops.rollout), measuring rates (bench.rollout, tests).
Law: the same seed gives the same requests; a version answers as its behaviour says and knows nothing of the judges.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from mlops.config.schema.endpoint import RolloutPolicy
from mlops.errors import MlopsError
from mlops.rollout import watch
from mlops.rollout.evidence import Counts, Pair
from mlops.rollout.experiment import LabelledAnswer
from mlops.rollout.rollout import Rollout
from mlops.rollout.state import RolloutState, VersionState

BOUNDS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000, 5000, 30000)
_GATEWAY_LIMIT = 30.0
"""Seconds after which the gateway answers what the version does not."""


@dataclass(frozen=True)
class Behaviour:
    """Shares of requests that are refused, fail and hang; `slower`: milliseconds more of each answer; `noise`: by how much its
    probabilities differ from the live version's; `constant`: what it says to everything; `inverted`: share of the rows, one
    segment, where it says the opposite; `from_second`: all of this only so long after its start; `right`: how often its answers turn
    out right."""

    refused: float = 0.0
    failed: float = 0.0
    hanging: float = 0.0
    slower: float = 0.0
    noise: float = 0.05
    constant: float | None = None
    inverted: float = 0.0
    from_second: float = 0.0
    right: float = 0.6


GOOD = Behaviour(refused=0.02, failed=0.001)
"""What is live does so too: clients make mistakes, and something fails now and then."""
BAD = {
    "422 to everything": Behaviour(refused=1.0),
    "always 0.99": Behaviour(refused=0.02, constant=0.99),
    "20 ms slower": Behaviour(refused=0.02, slower=20.0),
    "5% hang": Behaviour(refused=0.02, hanging=0.05),
    "5% errors": Behaviour(refused=0.02, failed=0.05),
    "wrong on one segment of 15%": Behaviour(refused=0.02, inverted=0.15),
}


@dataclass
class _Version:
    behaviour: Behaviour
    started: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    hung: list[float] = field(default_factory=list)
    took: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))


class SimulatedFleet:
    """Gets `rate` requests a second. `harmed`: clients who got no good answer from a candidate."""

    name = "simulated"

    def __init__(self, candidate: Behaviour, *, rate: float, seed: int, live: Behaviour = GOOD) -> None:
        self.random = random.Random(seed)
        self.rate, self.clock, self.harmed = rate, 0.0, 0
        self.state = RolloutState("v1", 2, {"v1": VersionState("old", 1)}, {"v1": 100})
        self.versions = {"v1": _Version(live), "v2": _Version(candidate)}
        self.labelled: list[tuple[float, LabelledAnswer]] = []
        self.sleep(20.0)

    def sleep(self, seconds: float) -> None:
        """Let clients ask for so long."""
        for _ in range(round(seconds * self.rate)):
            self.clock += 1 / self.rate
            share = self.state.weights.get("v2", 0)
            self._ask("v2" if self.random.random() * 100 < share else "v1")
        for version in self.versions.values():
            over = [at for at in version.hung if at < self.clock - _GATEWAY_LIMIT]
            version.failed += len(over)
            version.answered += len(over)
            version.hung = version.hung[len(over) :]

    def _ask(self, name: str) -> None:
        version, draw = self.versions[name], self.random.random()
        does = version.behaviour if self.clock >= 20.0 + version.behaviour.from_second else GOOD
        version.started += 1
        bad = does.refused + does.failed + does.hanging if does is not GOOD else 0.0
        self.harmed += name == "v2" and draw < bad - GOOD.refused - GOOD.failed
        if draw < does.hanging:
            version.hung.append(self.clock)
            return
        is_right = self.random.random() < version.behaviour.right
        answer = LabelledAnswer(name, ({"late": is_right, "probability": 0.5},), True)
        self.labelled.append((self.clock, answer))
        version.answered += 1
        version.failed += does.hanging <= draw < does.hanging + does.failed
        version.refused += does.hanging + does.failed <= draw < does.hanging + does.failed + does.refused
        took = self.random.lognormvariate(0.7, 0.5) + does.slower
        version.took[bisect_left(BOUNDS, took)] += 1

    def read(self) -> RolloutState:
        return self.state

    def publish(self, state: RolloutState) -> None:
        self.state = state

    def start(self, state: RolloutState, version: str, replicas: int, timeout: float) -> RolloutState:
        return state

    def shrink(self, state: RolloutState, version: str, replicas: int, drain: float) -> RolloutState:
        return state

    def drop(self, version: str) -> None:
        pass

    def strays(self, known: Collection[str]) -> list[str]:
        return []

    def counts(self, version: str) -> Counts:
        one = self.versions[version]
        return Counts(
            one.started,
            one.answered,
            one.refused,
            one.failed,
            len(one.hung),
            dict(zip(map(float, BOUNDS), accumulate(one.took), strict=False)),
        )

    def counter_id(self) -> str:
        return "one"

    def compare(self, live: str, candidate: str, known: Collection[str], most: int) -> Mapping[str, Pair]:
        does = self.versions[candidate].behaviour
        found = {}
        for number in range(len(known), len(known) + most):
            usual = self.random.betavariate(1, 3)
            mine = min(1.0, max(0.0, usual + self.random.gauss(0, does.noise)))
            if self.random.random() < does.inverted:
                mine = 1.0 - mine
            mine = mine if does.constant is None else does.constant
            found[str(number)] = Pair((mine,), (usual,), is_probability=True)
        return {} if does.refused == 1.0 else found

    def ask_golden(self, version: str) -> str | None:
        return None

    def labelled_answers(self, since: float) -> Callable[[], Sequence[LabelledAnswer]]:
        """Every answer of which clients knew at once whether it was right."""
        position = 0

        def read() -> Sequence[LabelledAnswer]:
            nonlocal position
            found = [answer for at, answer in self.labelled[position:] if at >= since]
            position = len(self.labelled)
            return found

        return read


def promoted(
    candidate: Behaviour, policy: RolloutPolicy, *, rate: float = 100.0, seed: int = 0
) -> tuple[str | None, int]:
    """Return why a version was taken back, None where it went live, and how many clients it hurt."""
    fleet = SimulatedFleet(candidate, rate=rate, seed=seed)
    asleep, watch.sleep = watch.sleep, fleet.sleep
    try:
        Rollout(fleet, policy, lambda line, share: None).converge("new", {}, 1, {})
    except MlopsError as error:
        return error.problems[0].detail, fleet.harmed
    finally:
        watch.sleep = asleep
    return None, fleet.harmed
