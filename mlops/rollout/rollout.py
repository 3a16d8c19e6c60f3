"""Shift traffic from one version to the next.

Lives here: Rollout: start beside, check, shift, drain, stop.
Not here: the ways to shift (strategies), judging a step (watch, judges), where a rollout stands (state), how a target runs versions and weighs traffic (targets).
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
from mlops.rollout.strategies import Shift

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import RolloutPolicy


@dataclass(frozen=True)
class Rollout:
    """`policy`: how a new version takes over; times in seconds. `at_once`: it does so in one move, once it answers the golden
    request, whatever the policy's steps. `goes_back`: what runs next ran before; it takes over by steps, whatever the strategy.
    `guard`: the policy as JSON where the target guards what went live."""

    fleet: Fleet
    policy: RolloutPolicy
    say: Callable[[str, float | None], None]
    at_once: bool = False
    goes_back: bool = False
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
        is_asked, shift = False, None
        try:
            self.say(f"starting {candidate}", 0.1)
            if live and not self.at_once:
                strategy = "canary" if self.goes_back else self.policy.strategy
                shift = Shift(
                    self.fleet, self.policy, self.say, self._start, strategy, state, live, candidate, replicas
                )
                shift.begin()
                is_asked = True
                state, requests = shift.carry_out(), shift.requests
            else:
                state = self._start(state, candidate, replicas)
        except (MlopsError, OSError) as error:
            self._back(shift.state if shift else state, candidate, is_asked=is_asked)
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
        state = state.routed(None).shifted({state.live: 100} if state.live else {})
        with contextlib.suppress(ToolFailed):
            if is_asked:
                self.say(f"all traffic is back on {state.live}", None)
                self.fleet.publish(state)
                time.sleep(self.policy.drain)
            self.fleet.publish(state.without(candidate))
        self.fleet.drop(candidate)
