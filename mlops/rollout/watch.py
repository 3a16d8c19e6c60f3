"""Watch a version while clients ask it.

Lives here: Begun, and StepWatch, which gathers evidence at short intervals and asks the judges, through one step of a rollout.
Not here: the moves between steps (rollout), the judges and their tests (judges, sequential).
Law: a version is left as soon as there is evidence against it, and is good only after a minimum of requests, or golden rows where
nobody asks.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import sleep
from typing import TYPE_CHECKING

from mlops.rollout.evidence import Counts, Pair, StepEvidence
from mlops.rollout.fleet import Fleet
from mlops.rollout.judges.judge import findings

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import RolloutPolicy

_INTERVAL = 0.5
"""Seconds between two looks."""
_STUCK = 4.0
"""Seconds that a request is without an answer before it counts as stuck."""
_COLD = 2.0
"""Seconds in which a version that gets more traffic warms up, and its latencies are no evidence."""
_ROWS_AT_ONCE, _ROWS = 50, 2500
_MOST_INTERVALS = 5000
"""After so many short times, more of them are no news."""


@dataclass(frozen=True)
class Begun:
    """When a step began, in seconds since 1970, and what both versions had answered by then."""

    at: float
    candidate: Counts
    live: Counts


@dataclass
class StepWatch:
    """`live`: what the candidate is measured against, and `before`, what it had answered when the rollout began. `parts`: how many
    steps share the policy's error rate."""

    fleet: Fleet
    policy: RolloutPolicy
    candidate: str
    live: str
    before: Counts
    parts: int = 1
    requests: float = field(default=0.0, init=False)
    """What the candidate was asked in the last step."""
    last: tuple[Counts, Counts] | None = field(default=None, init=False)
    """What both had answered at the last look of a warm candidate."""
    intervals: list[tuple[Counts, Counts]] = field(default_factory=list, init=False)
    pairs: dict[str, Pair] = field(default_factory=dict, init=False)
    """The rows that both were asked, from the first step on."""

    def begin(self, *, warms: bool = False) -> Begun:
        """`warms`: the candidate has just started, and what clients see of its first seconds is left out."""
        if warms:
            sleep(_COLD)
        return Begun(time.time(), self.fleet.counts(self.candidate), self.fleet.counts(self.live))

    def step(self, begun: Begun | None = None) -> str | None:
        """Watch one step to its end, and return the evidence against the candidate; None where there is none. `begun`: the step was
        begun before by a process that was killed, and only what is left of it is watched."""
        passed = max(0.0, time.time() - begun.at) if begun is not None else 0.0
        pause = self.policy.pause
        least = pause if begun is None else max(min(pause, _STUCK), pause - passed)
        evidence = self._watch(least, pause * self.policy.extend - passed, self._has_asked, begun)
        if evidence is not None:
            return evidence
        return self.fleet.ask_golden(self.candidate) if self.requests < self.policy.min_requests else None

    def until(self, is_over: Callable[[], bool], most: float, begun: Begun | None = None) -> str | None:
        """Watch until `is_over`, which is asked at every look, or for `most` seconds; return the evidence against the candidate, since it
        was `begun` where a process before this one began."""
        return self._watch(self.policy.pause, most, is_over, begun)

    def _has_asked(self) -> bool:
        """Say whether clients asked enough, or do not ask at all."""
        return self.requests >= self.policy.min_requests or not self.requests

    def _watch(
        self, shortest: float, longest: float, is_over: Callable[[], bool], begun: Begun | None = None
    ) -> str | None:
        interval = min(_INTERVAL, self.policy.pause)
        least = max(1, math.ceil(shortest / interval)) if interval else 1
        most = max(least, math.ceil(longest / interval)) if interval else 1
        begun = begun or self.begin()
        start, live_start = begun.candidate, begun.live
        looks: deque[tuple[Counts, Counts]] = deque(maxlen=max(1, math.ceil(_STUCK / interval)) if interval else 1)
        cold = math.ceil(min(_COLD, self.policy.pause / 2) / interval) if interval else 0
        self.last = None
        for number in range(1, most + 1):
            sleep(interval)
            evidence = self._look(start, live_start, looks, is_warm=number >= cold)
            for _, sentence in findings(evidence, self.policy, self.parts):
                return sentence
            self.requests = evidence.candidate.started
            if number >= least and is_over():
                break
        return None

    def _look(
        self, start: Counts, live_start: Counts, looks: deque[tuple[Counts, Counts]], *, is_warm: bool
    ) -> StepEvidence:
        """Gather what there is now. The live version counts in this step or, where it gets no more requests, since the rollout
        began, or ever."""
        whole, ever = self.fleet.counts(self.candidate), self.fleet.counts(self.live)
        mine = whole.since(start)
        usual = ever.since(live_start)
        for wider in (ever.since(self.before), ever):
            usual = wider if usual.answered < self.policy.min_requests else usual
        looks.append((whole, ever))
        if is_warm and self.last is not None and len(self.intervals) < _MOST_INTERVALS:
            self.intervals.append((whole.since(self.last[0]), ever.since(self.last[1])))
        self.last = (whole, ever) if is_warm else None
        full = len(looks) == looks.maxlen and len(looks) > 1
        stuck = _stuck([one for one, _ in looks], whole.started) if full else (0.0, 0.0)
        usually = _stuck([other for _, other in looks], ever.since(self.before).started) if full else (0.0, 0.0)
        if len(self.pairs) < _ROWS:
            self.pairs |= self.fleet.compare(self.live, self.candidate, self.pairs, _ROWS_AT_ONCE)
        return StepEvidence(mine, usual, stuck, usually, tuple(self.pairs.values()), tuple(self.intervals))


def _stuck(looks: Sequence[Counts], asked: float) -> tuple[float, float]:
    """Return the requests that waited all through the looks, and those of `asked` that were begun before. Where many wait a little,
    as many count as at the best moment, which happens to the live version alike."""
    return min(look.waiting for look in looks), max(0.0, asked - (looks[-1].started - looks[0].started))
