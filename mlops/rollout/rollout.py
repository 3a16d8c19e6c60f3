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
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from mlops.errors import MlopsError, ToolFailed
from mlops.rollout.fleet import Fleet
from mlops.rollout.state import Guarding, Rolling, RolloutState, guard_seconds
from mlops.rollout.strategies import FoundBad, Shift, part_count

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import RolloutPolicy

_AGAIN = 4.0
"""How many times its `ready_timeout` a version has that was ready before: what starts it again starts all else of the stack too."""


@dataclass(frozen=True)
class Rollout:
    """`policy`: how a new version takes over; times in seconds. `at_once`: it does so in one move, once it answers the golden
    request, whatever the policy's steps. `goes_back`: what runs next ran before; it takes over by steps, whatever the strategy.
    `guard`: the policy as JSON where the target guards what went live. `leaves`: the policy as JSON where a controller of the target
    goes on with a rollout that only began."""

    fleet: Fleet
    policy: RolloutPolicy
    say: Callable[[str, float | None], None]
    at_once: bool = False
    goes_back: bool = False
    guard: Mapping[str, Any] | None = None
    leaves: Mapping[str, Any] | None = None

    def converge(self, key: str, body: Mapping[str, Any], replicas: int, gate: Mapping[str, Any]) -> tuple[str, str]:
        """Make the version with `key` live on `replicas` replicas, or have it ready and the state say that it is `rolling`, and return
        its name and a note. `body`: what the target must know of it. `gate`: what it must know of all versions. Raises MlopsError;
        then what was live is live."""
        state = self.fleet.read().with_gate(gate)
        live = state.live
        if live and state.live_version and state.live_version.key == key:
            warm = state.guarding.previous if state.guarding else None
            state = replace(state.promoted(live), reversal=None)
            return live, self._scale(self._clear(state, keep=(live, warm)), live, replicas)
        candidate = state.named(key)
        begun = self._begun(state, candidate, replicas)
        state = self._clear(state.settled(), keep=(live, candidate))
        if candidate is None:
            candidate, state = state.with_new_version(key, body)
        if live and self.leaves is not None and not self.at_once:
            return candidate, self._leave(state.rolled(begun), candidate, replicas)
        return candidate, self._roll(state, candidate, replicas, max(1, begun.part) if begun else 1)

    def carry_on(self) -> str:
        """Go on where the state says that a rollout is, and return a note. Raises FoundBad, and MlopsError where the version does not
        start any more: then what was live has all traffic, and the state says why. What it raises of an outside program (ToolFailed,
        OSError) changes nothing: it can be called again."""
        state = self.fleet.read()
        rolling, live = state.rolling, state.live
        assert rolling is not None
        assert live is not None
        candidate = rolling.candidate
        shift = self._shift(state, live, candidate, rolling.replicas, max(1, rolling.part))
        shift.start = partial(self._start, patience=_AGAIN)
        try:
            shift.begin()
            state = shift.carry_out()
        except (ToolFailed, OSError):
            raise
        except MlopsError as error:
            self._back(shift.state.given_up(candidate, time.time(), evidence_of(error)), candidate, is_asked=True)
            raise
        return self._promote(state, live, candidate, shift.requests)

    @property
    def _strategy(self) -> str:
        return "canary" if self.goes_back else self.policy.strategy

    def _begun(self, state: RolloutState, candidate: str | None, replicas: int) -> Rolling | None:
        """Return the rollout of this version that a controller has begun, where it is one in the same parts."""
        rolling = state.rolling
        if rolling is None or rolling.candidate != candidate or rolling.strategy != self._strategy:
            return None
        return rolling if rolling.parts == part_count(self._strategy, self.policy, replicas) else None

    def _shift(self, state: RolloutState, live: str, candidate: str, replicas: int, first: int) -> Shift:
        strategy = state.rolling.strategy if state.rolling is not None else self._strategy
        return Shift(self.fleet, self.policy, self.say, self._start, strategy, state, live, candidate, replicas, first)

    def _leave(self, state: RolloutState, candidate: str, replicas: int) -> str:
        """Have the candidate ready, and leave the rest to a controller. One that was at it goes on where it was."""
        assert state.live is not None
        assert self.leaves is not None
        begun, live = state.rolling, state.live
        parts = part_count(self._strategy, self.policy, replicas)
        is_guarded = self.guard is not None
        if begun is None:
            counted = {"usual": self.fleet.counts(live).to_json(), "counter": self.fleet.counter_id()}
            rolling = Rolling(
                candidate, self._strategy, replicas, self.leaves, parts, time.time(), is_guarded, counted=counted
            )
        else:
            rolling = replace(begun, replicas=replicas, policy=self.leaves, is_guarded=is_guarded)
        shift = self._shift(state, live, candidate, replicas, max(1, rolling.part))
        self.say(f"starting {candidate}", 0.1)
        try:
            shift.begin()
        except (MlopsError, OSError) as error:
            self._back(shift.state.rolled(None), candidate, is_asked=begun is not None)
            self._fail(error, candidate)
        self.fleet.publish(shift.state.rolled(rolling))
        return f"{candidate} is ready"

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

    def _start(self, state: RolloutState, version: str, replicas: int, patience: float = 1.0) -> RolloutState:
        started = self.fleet.start(state, version, replicas, patience * self.policy.ready_timeout)
        return started.with_version(version, replicas=replicas)

    def _roll(self, state: RolloutState, candidate: str, replicas: int, first: int) -> str:
        live = state.live
        is_asked, shift = False, None
        try:
            self.say(f"starting {candidate}", 0.1)
            if live and not self.at_once:
                shift = self._shift(state, live, candidate, replicas, first)
                shift.begin()
                is_asked = True
                state = shift.carry_out()
            else:
                state = self._start(state, candidate, replicas)
        except (MlopsError, OSError) as error:
            self._back(shift.state if shift else state, candidate, is_asked=is_asked)
            self._fail(error, candidate)
        return self._promote(state, live, candidate, shift.requests if shift else 0.0)

    def _fail(self, error: MlopsError | OSError, candidate: str) -> NoReturn:
        if isinstance(error, OSError):
            raise ToolFailed.of("rollout failed", f"{candidate} of {self.fleet.name}: {error}") from error
        raise error

    def _promote(self, state: RolloutState, live: str | None, candidate: str, requests: float) -> str:
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


def evidence_of(error: MlopsError) -> str:
    """Return in one line what was found against a version."""
    if isinstance(error, FoundBad):
        return error.evidence
    return error.problems[0].detail.partition("\n")[0]
