"""Say what a rollout asks of a target.

Lives here: Fleet.
Not here: the fleets themselves (targets), the order of the moves (rollout).
Law: what a fleet was given to publish outlives a killed apply.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from mlops.rollout.evidence import Counts, Pair
from mlops.rollout.experiment import LabelledAnswer
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

    def counts(self, version: str) -> Counts:
        """Return what clients saw of a version since it was started, as far as it can be had."""
        ...

    def counter_id(self) -> str:
        """Return what names the process that counts: counts of another one began anew, while versions may have started too."""
        ...

    def compare(self, live: str, candidate: str, known: Collection[str], most: int) -> Mapping[str, Pair]:
        """Ask both versions the same rows, those that clients asked of late and golden rows, and return the answers by what
        names each row, without those that are `known`. What is asked so is neither logged nor counted."""
        ...

    def ask_golden(self, version: str) -> str | None:
        """Ask every replica the golden request, and return what is wrong with an answer."""
        ...

    def labelled_answers(self, since: float) -> Callable[[], Sequence[LabelledAnswer]]:
        """Return what gives, at each call, the answers since then (seconds since 1970) whose labels came since the last call. Each is
        given once."""
        ...
