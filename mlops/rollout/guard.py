"""Watch a version after it went live.

Lives here: Guard, which takes traffic back where judges find against what went live, and lets what stayed warm go in the end.
Not here: the process that it runs in (targets), the judges themselves.
Law: what was decided is in the state before it is done, and each look goes on from the state alone, so that a guard which is
killed anywhere is taken up by the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from mlops.config.effective import typed
from mlops.rollout.evidence import Counts, StepEvidence
from mlops.rollout.fleet import Fleet
from mlops.rollout.judges.judge import findings
from mlops.rollout.state import Guarding, RolloutState, guard_seconds

_DRAIN = 5.0
"""Seconds that a version has to finish its requests after it was found bad."""


@dataclass
class Guard:
    """`clock`: seconds since 1970. `said`: is given what was done."""

    fleet: Fleet
    clock: Callable[[], float]
    said: Callable[[str], None]
    _begun: tuple[str, float, Counts] | None = field(default=None, init=False)
    """The version that is watched, when the present window began, and what the version had answered by then."""

    def look(self) -> bool:
        """Judge what clients saw since the window began, and act on it. Return whether there is more to watch. Raises what the
        fleet raises; the next look goes on."""
        state = self.fleet.read()
        guarding, live = state.guarding, state.live
        now = self.clock()
        if guarding is None or live is None:
            if state.reversal is not None and state.reversal.at <= now < state.reversal.at + _DRAIN:
                return True
            self._finish(state)
            return False
        if (why := self._against(guarding, live, now)) is not None:
            self.said(f"all traffic goes back from {live} to {guarding.previous}: {why}")
            state = state.taken_back(now, why)
            self.fleet.publish(state)
            return True
        if now >= guarding.until:
            self.said(f"{live} was watched to the end; {guarding.previous} is stopped")
            self._finish(state.guarded(None))
            return False
        return True

    def _finish(self, state: RolloutState) -> None:
        """Leave only what is live, with all of the traffic. The state comes first, so that what is killed in between is a stray of the next look."""
        for version in state.others((state.live,)):
            state = state.without(version)
        self.fleet.publish(state.promoted(state.live) if state.live else state)
        for version in self.fleet.strays(state.versions):
            self.fleet.drop(version)

    def _against(self, guarding: Guarding, live: str, now: float) -> str | None:
        policy, counts = typed(guarding.policy), self.fleet.counts(live)
        windows = max(1, math.ceil(guard_seconds(policy) / policy.guard.window))
        if self._begun is None or self._begun[0] != live or now - self._begun[1] > policy.guard.window:
            self._begun = (live, now, counts)
        mine, usual = counts.since(self._begun[2]), Counts.from_json(guarding.usual)
        evidence = StepEvidence(mine, usual)
        return next((sentence for _, sentence in findings(evidence, policy, windows)), None)
