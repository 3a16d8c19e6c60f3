"""Give traffic to a new version, by the strategy of its policy.

Lives here: Shift, one rollout's way from no traffic to all of it; part_count, and outline, which describes that way in a plan; FoundBad.
Not here: what comes before and after (rollout), judging a step (watch), comparing outcomes (experiment).
Law: what is published is all that a gateway needs, and a shift that was killed begins again from it; a version gets all traffic only
after its strategy found for it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlops.errors import MlopsError
from mlops.rollout.evidence import Counts
from mlops.rollout.experiment import Comparison, ExperimentVerdict, candidate_share
from mlops.rollout.fleet import Fleet
from mlops.rollout.state import RolloutState, Routing
from mlops.rollout.watch import Begun, StepWatch

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import RolloutPolicy

_MOVED = 5
"""Percent of the clients by which a bandit's weights change before they are published again."""


class FoundBad(MlopsError):
    """A version is not to take over. `evidence`: what was found, without what to do about it."""

    evidence: str = ""

    @classmethod
    def by(cls, evidence: str, summary: str, advice: str) -> FoundBad:
        error = cls.of(summary, f"{evidence}. {advice}")
        error.evidence = evidence
        return error


@dataclass
class Shift:
    """`start`: has so many replicas of a version ready. `first`: the part to begin with, counted from 1; those before it were judged
    good by a process before this one. `requests`: what the candidate was asked by clients meanwhile. A strategy is a number of
    parts, each of which is watched and judged; where nobody waits, the state says which one it is at."""

    fleet: Fleet
    policy: RolloutPolicy
    say: Callable[[str, float | None], None]
    start: Callable[[RolloutState, str, int], RolloutState]
    strategy: str
    state: RolloutState
    live: str
    candidate: str
    replicas: int
    first: int = 1
    requests: float = field(default=0.0, init=False)

    @property
    def _parts(self) -> int:
        return part_count(self.strategy, self.policy, self.replicas)

    def begin(self) -> None:
        """Have the candidate ready; without traffic, where it had none before."""
        rolling = self.state.rolling
        self.state = self.start(self.state, self.candidate, 1 if self.strategy == "rolling" else self.replicas)
        if self.first == 1 and (rolling is None or rolling.begun is None):
            self._publish(0)

    def carry_out(self) -> RolloutState:
        """Return the state in which the candidate may have all traffic. Raises FoundBad with the evidence against it."""
        match self.strategy:
            case "rolling":
                self._steps([round(100 * number / self.replicas) for number in range(1, self.replicas + 1)])
            case "blue_green":
                self._ask_beside()
                self._steps([100], after=1)
            case "shadow":
                self._mirror()
                self._steps([100], after=1)
            case "ab" | "bandit":
                self._compare()
            case _:
                self._steps([round(100 * share) for share in self.policy.steps])
        return self.state

    def _watch(self) -> StepWatch:
        rolling = self.state.rolling
        usual = rolling.counted.get("usual") if rolling is not None else None
        before = self.fleet.counts(self.live) if usual is None else Counts.from_json(usual)
        return StepWatch(self.fleet, self.policy, self.candidate, self.live, before, self._parts)

    def _begin(self, part: int, watch: StepWatch) -> Begun | None:
        """Have the state say that a part begins; return when it was begun before, and with what counts. What was counted before the
        counter started anew is nothing to go on from, and what it counted since is no evidence: the versions were starting too."""
        rolling = self.state.rolling
        if rolling is None:
            return None
        counter, since = self.fleet.counter_id(), rolling.begun if rolling.part == part else None
        is_same = rolling.counted.get("counter") == counter
        if since is not None and is_same:
            candidate, live = (Counts.from_json(rolling.counted.get(who, {})) for who in ("candidate", "live"))
            return Begun(since, candidate, live)
        begun = watch.begin(warms=since is not None)
        counted = {"candidate": begun.candidate.to_json(), "live": begun.live.to_json(), "counter": counter}
        if not is_same:
            watch.before, counted["usual"] = begun.live, begun.live.to_json()
        self.state = self.state.rolled(rolling.at_part(part, since or begun.at, counted))
        return replace(begun, at=since) if since is not None else None

    def _publish(self, percent: int) -> None:
        self.state = self.state.shifted({self.live: 100 - percent, self.candidate: percent})
        self.fleet.publish(self.state)

    def _steps(self, percents: list[int], after: int = 0) -> None:
        watch = self._watch()
        for number, percent in enumerate(percents, 1):
            if after + number < self.first:
                continue
            self.say(f"{self.candidate} takes {percent}%", 0.2 + 0.7 * number / len(percents))
            if self.strategy == "rolling":
                self.state = self.start(self.state, self.candidate, number)
            begun = self._begin(after + number, watch)
            self._publish(percent)
            if evidence := watch.step(begun):
                raise _failed(f"{self.candidate} at {percent}%", evidence)
            self.requests += watch.requests

    def _ask_beside(self) -> None:
        """Ask both versions the same rows, while no client gets an answer of the candidate."""
        if self.first > 1:
            return
        self.say(f"{self.candidate} is asked what {self.live} was", 0.2)
        watch = self._watch()
        if self.state.rolling is not None:
            self._begin(1, watch)
            self._publish(0)
        if evidence := watch.until(lambda: True, 0.0):
            raise _failed(f"{self.candidate} without traffic", evidence)

    def _mirror(self) -> None:
        if self.first > 1:
            self.state = self.state.routed(None)
            return
        self.say(f"{self.candidate} gets copies of requests", 0.2)
        watch = self._watch()
        begun = self._begin(1, watch)
        self.state = self.state.routed(Routing(self.candidate, mirrored=True, since=time.time()))
        self._publish(0)
        if evidence := watch.step(begun):
            raise _failed(f"{self.candidate} as a shadow", evidence)
        self.state = self.state.routed(None)

    def _compare(self) -> None:
        """Share the clients until the outcomes of both differ."""
        experiment = self.policy.experiment
        before = self.state.routing
        since = before.since if before is not None and before.candidate == self.candidate else time.time()
        routing = Routing(
            self.candidate, assigned=True, header=experiment.header, cookie=experiment.cookie, since=since
        )
        self.state = self.state.routed(routing)
        comparison = Comparison(experiment, self.live, self.candidate)
        read = self.fleet.labelled_answers(since)
        drawn = random.Random(self.candidate)  # noqa: S311
        percent = round(100 * experiment.share)
        watch = self._watch()
        begun = self._begin(1, watch)
        self._publish(percent)
        self.say(f"{self.candidate} gets {percent}% of the clients until outcomes differ", 0.3)

        def is_decided() -> bool:
            nonlocal percent
            for answered in read():
                comparison.add(answered)
            if self.strategy == "bandit":
                wanted = round(100 * candidate_share(comparison, drawn))
                if abs(wanted - percent) >= _MOVED:
                    percent = wanted
                    self._publish(percent)
            return comparison.verdict() is not None

        if evidence := watch.until(is_decided, max(0.0, since + experiment.at_most - time.time()), begun):
            raise _failed(f"{self.candidate} at {percent}%", evidence)
        self.requests = watch.requests
        self._decide(comparison)

    def _decide(self, comparison: Comparison) -> None:
        """Raises MlopsError where what is live stays live."""
        verdict = comparison.verdict()
        is_equal = verdict in (None, ExperimentVerdict.EQUAL)
        if verdict is ExperimentVerdict.BETTER or (is_equal and comparison.experiment.if_equal == "candidate"):
            self.say(comparison.sentence(), 0.9)
            return
        found = "no difference was found" if is_equal else f"{self.candidate} is worse"
        raise FoundBad.by(
            f"{found}: {comparison.sentence()}", "experiment kept what was live",
            f"Traffic is back on {self.live}, and the next plan shows the change again. Take it back in conf/, or say "
            "`if_equal: candidate` where the new version may go live without being better.",
        )  # fmt: skip


def part_count(strategy: str, policy: RolloutPolicy, replicas: int) -> int:
    """Return in how many parts a strategy moves the traffic, each of them judged."""
    match strategy:
        case "rolling":
            return replicas
        case "blue_green" | "shadow":
            return 2
        case "ab" | "bandit":
            return 1
    return len(policy.steps)


def outline(policy: RolloutPolicy, replicas: int) -> str:
    """Return how a new version will take over, as a plan shows it."""
    match policy.strategy:
        case "rolling":
            return f"{replicas} replicas one after the other, judged at each; else back to what is live"
        case "blue_green":
            return "all traffic in one move, after both were asked the same rows; else back to what is live"
        case "shadow":
            return "copies of requests first, whose answers nobody gets; then all traffic in one move; else what is live stays"
        case "ab" | "bandit":
            error = policy.experiment.false_decision
            moves = ", more of them for the better one" if policy.strategy == "bandit" else ""
            return f"both share the clients{moves} until their outcomes differ, wrongly at most {error:.1%} of the time; else what is live stays"
    steps = " → ".join(f"{share * 100:g}%" for share in policy.steps)
    return f"{steps}, judged at each step; else back to what is live"


def _failed(where: str, evidence: str) -> MlopsError:
    return FoundBad.by(
        f"{where}: {evidence}", "rollout step failed",
        "Traffic is back on what was live. Look at its log before the next apply.",
    )  # fmt: skip
