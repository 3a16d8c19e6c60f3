"""Shift traffic from one version to the next.

Lives here: Rollout: start beside, check, shift step by step, drain, stop.
Not here: judging a step (watch, judges), where a rollout stands (state), how a target runs versions and weighs traffic (targets).
Law: no step is taken before the one below it was judged; a failed step puts everything back on what was live, in one move.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlops.errors import MlopsError, ToolFailed
from mlops.rollout.fleet import Fleet
from mlops.rollout.state import Guarding, RolloutState, guard_seconds
from mlops.rollout.watch import StepWatch

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import RolloutPolicy


@dataclass(frozen=True)
class Rollout:
    """`policy`: how a new version takes over; times in seconds. `at_once`: it does so in one move, once it answers the golden
    request, whatever the policy's steps. `guard`: the policy as JSON where the target guards what went live."""

    fleet: Fleet
    policy: RolloutPolicy
    say: Callable[[str, float | None], None]
    at_once: bool = False
    guard: Mapping[str, Any] | None = None

    def converge(self, key: str, body: Mapping[str, Any], replicas: int, gate: Mapping[str, Any]) -> tuple[str, str]:
        """Make the version with `key` live on `replicas` replicas, and return its name and a note. `body`: what the target
        must know of it. `gate`: what it must know of all versions. Raises MlopsError; then what was live is live."""
        state = self.fleet.read().with_gate(gate)
        live = state.live
        if live and state.live_version and state.live_version.key == key:
            warm = state.guarding.previous if state.guarding else None
            state = replace(state, reversal=None)
            return live, self._scale(self._clear(state, keep=(live, warm)), live, replicas)
        candidate = state.named(key)
        state = self._clear(state.settled(), keep=(live, candidate))
        if candidate is None:
            candidate, state = state.with_new_version(key, body)
        return candidate, self._roll(state, candidate, replicas)

    def _clear(self, state: RolloutState, keep: tuple[str | None, ...]) -> RolloutState:
        """Stop versions that an interrupted apply left behind."""
        for version in state.others(keep):
            state = state.without(version)
            self.fleet.publish(state)
            self.fleet.drop(version)
        for version in self.fleet.strays(state.versions):
            self.fleet.drop(version)
        return state

    def _scale(self, state: RolloutState, live: str, replicas: int) -> str:
        before = state.versions[live].replicas or replicas
        self.say(f"starting {live}", 0.1)
        state = self._start(state, live, replicas).promoted(live)
        self.fleet.publish(state)
        self.fleet.shrink(state, live, replicas, min(self.policy.drain, 1.0))
        return f"{live}, {before} → {replicas} replicas" if before != replicas else f"{live} stays, {replicas} replicas"

    def _start(self, state: RolloutState, version: str, replicas: int) -> RolloutState:
        started = self.fleet.start(state, version, replicas, self.policy.ready_timeout)
        return started.with_version(version, replicas=replicas)

    def _roll(self, state: RolloutState, candidate: str, replicas: int) -> str:
        requests, live = 0.0, state.live
        is_asked = False
        try:
            self.say(f"starting {candidate}", 0.1)
            state = self._start(state, candidate, replicas)
            if live and not self.at_once:
                state = state.shifted({live: 100, candidate: 0})
                self.fleet.publish(state)
                is_asked = True
                requests = self._shift(state, live, candidate)
        except (MlopsError, OSError) as error:
            self._back(state, candidate, is_asked=is_asked)
            if isinstance(error, OSError):
                raise ToolFailed.of("rollout failed", f"{candidate} of {self.fleet.name}: {error}") from error
            raise
        state = state.promoted(candidate)
        if live and (guarding := self._guarding(live)):
            self.fleet.publish(state.guarded(guarding))
            return f"{candidate} live, {requests:.0f} requests while shifting; {live} stays warm, and takes traffic back by itself"
        self.fleet.publish(state)
        if not live:
            return f"{candidate} live, golden request answered"
        self.say(f"draining {live}", 0.95)
        time.sleep(self.policy.drain)
        self.fleet.publish(state.without(live))
        self.fleet.drop(live)
        if self.at_once:
            return f"{candidate} live, golden request answered, all traffic in one move"
        return f"{candidate} live, golden request answered, {requests:.0f} requests while shifting"

    def _guarding(self, previous: str) -> Guarding | None:
        if self.guard is None or self.policy.guard is None or self.at_once:
            return None
        usual = self.fleet.counts(previous).to_json()
        return Guarding(previous, time.time() + guard_seconds(self.policy), self.guard, usual)

    def _back(self, state: RolloutState, candidate: str, *, is_asked: bool) -> None:
        """Give all traffic to what is live, in one move, and stop the candidate; `is_asked`: after it finished its requests."""
        state = state.shifted({state.live: 100} if state.live else {})
        with contextlib.suppress(ToolFailed):
            if is_asked:
                self.say(f"all traffic is back on {state.live}", None)
                self.fleet.publish(state)
                time.sleep(self.policy.drain)
            self.fleet.publish(state.without(candidate))
        self.fleet.drop(candidate)

    def _shift(self, state: RolloutState, live: str, candidate: str) -> float:
        """Return the requests that the candidate answered meanwhile. Raises MlopsError with the evidence."""
        requests, steps = 0.0, self.policy.steps
        watch = StepWatch(self.fleet, self.policy, candidate, live, self.fleet.counts(live), parts=len(steps))
        for number, share in enumerate(steps, 1):
            percent = round(share * 100)
            self.say(f"{candidate} takes {percent}%", 0.2 + 0.7 * number / len(steps))
            self.fleet.publish(state.shifted({live: 100 - percent, candidate: percent}))
            if evidence := watch.step():
                raise _failed(candidate, percent, evidence)
            requests += watch.requests
        return requests


def _failed(candidate: str, percent: int, evidence: str) -> MlopsError:
    return MlopsError.of(
        "rollout step failed",
        f"{candidate} at {percent}%: {evidence}. Traffic is back on what was live. Look at its log before the next apply.",
    )
