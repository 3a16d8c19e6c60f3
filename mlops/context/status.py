"""Say how a resource is doing.

Lives here: Status.
Not here: finding it out (kinds, targets), drawing it (render).
Law: one short line a resource; what is wrong says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """How a resource is doing. `state`: ok, changed, missing or failed. `attention`: lines to show below `text`."""

    text: str = ""
    state: str = "ok"
    url: str | None = None
    attention: tuple[str, ...] = ()
