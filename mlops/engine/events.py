"""Tell what apply is doing.

Lives here: Event and the sink protocol that apply reports to.
Not here: drawing (render), JSON Lines (cli).
Law: events are facts in the order in which they happened; losing them loses nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EventType = Literal[
    "apply_started", "change_started", "progress", "change_done", "change_skipped", "change_failed", "apply_done"
]


@dataclass(frozen=True)
class Event:
    """Something that happened during an apply. `data` by type: progress {line, fraction}; change_done {note, seconds,
    action, category}; change_skipped {reason}; change_failed {problems}; apply_done {done, failed, skipped,
    seconds}."""

    type: EventType
    at: float
    address: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


Sink = Callable[[Event], None]
