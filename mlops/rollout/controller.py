"""Look after an endpoint while no apply does.

Lives here: Controller, which carries on the rollout that the endpoint's state has, and guards what went live.
Not here: the process that it runs in (targets), the rollout itself (rollout), watching what went live (guard).
Law: it goes on from the state alone, so that a controller which is killed anywhere is taken up by the next; what fails outside is
no evidence against a version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mlops.config.effective import typed
from mlops.errors import MlopsError, ToolFailed
from mlops.rollout.fleet import Fleet
from mlops.rollout.guard import Guard
from mlops.rollout.rollout import Rollout, evidence_of
from mlops.rollout.state import Rolling


@dataclass
class Controller:
    """`clock`: seconds since 1970. `said`: is given what was done."""

    fleet: Fleet
    clock: Callable[[], float]
    said: Callable[[str], None]
    _guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        self._guard = Guard(self.fleet, self.clock, self.said)

    def look(self) -> bool:
        """Carry a rollout on to its end, or look once at what went live; return whether there is more to do. Raises what the fleet
        raises; the next look goes on."""
        rolling = self.fleet.read().rolling
        if rolling is None:
            return self._guard.look()
        self._carry_on(rolling)
        return True

    def _carry_on(self, rolling: Rolling) -> None:
        guard = rolling.policy if rolling.is_guarded else None
        rollout = Rollout(self.fleet, typed(rolling.policy), lambda line, share: self.said(line), guard=guard)
        try:
            self.said(rollout.carry_on())
        except ToolFailed:
            raise
        except MlopsError as error:
            self.said(f"{rolling.candidate} does not take over: {evidence_of(error)}")
