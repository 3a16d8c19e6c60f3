"""Say how a resource is doing.

Lives here: Status, and OngoingRollout, a part of it.
Not here: finding it out (kinds, targets), drawing it (render).
Law: one short line a resource; what is wrong says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OngoingRollout:
    """A version that takes over right now or, where it is not running, that was found bad since the last apply."""

    text: str
    is_running: bool = True


@dataclass(frozen=True, slots=True)
class Status:
    """How a resource is doing. `state`: ok, changed, missing or failed. `attention`: lines to show below `text`. `rollout`: None where
    all is as it was applied."""

    text: str = ""
    state: str = "ok"
    url: str | None = None
    attention: tuple[str, ...] = ()
    rollout: OngoingRollout | None = None
