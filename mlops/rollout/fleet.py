"""Say what a rollout asks of a target.

Lives here: Fleet.
Not here: the fleets themselves (targets), the order of the moves (rollout).
Law: what a fleet was given to publish outlives a killed apply.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from mlops.rollout.state import RolloutState


class Fleet(Protocol):
    """The versions of one endpoint on one target."""

    @property
    def name(self) -> str: ...

    def read(self) -> RolloutState: ...

    def publish(self, state: RolloutState) -> None:
        """Remember the state, and have the gateway follow it. Idempotent."""
        ...

    def start(self, state: RolloutState, version: str, replicas: int, timeout: float) -> RolloutState:
        """Have so many replicas of a version ready, and return the state that says so. Raises MlopsError with the end of
        their log."""
        ...

    def shrink(self, state: RolloutState, version: str, replicas: int, drain: float) -> RolloutState:
        """Take replicas beyond `replicas` away, out of the gateway first."""
        ...

    def drop(self, version: str) -> None:
        """Stop all of a version that the state no longer has. Idempotent."""
        ...

    def strays(self, known: Collection[str]) -> list[str]:
        """Return versions that run and are not known: an apply was killed between the two."""
        ...

    def counters(self, version: str) -> Mapping[str, float]:
        """Return {requests, failed, p99_ms}, those that can be had."""
        ...

    def ask_golden(self, version: str) -> str | None:
        """Ask every replica the golden request, and return what is wrong with an answer."""
        ...
