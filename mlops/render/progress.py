"""Tell how an apply goes.

Lives here: Progress, which turns events into lines, and json_lines, which turns them into JSON Lines.
Not here: writing them anywhere (cli).
Law: each finished change is one line that stays; what is going on is at most one line that moves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops.engine.events import Event
from mlops.render.paint import Paint

STREAM = "mlops.apply/1"


@dataclass
class Progress:
    """`write`: takes a line to keep. `flash`: takes the line that moves (None clears it), where there is a terminal."""

    write: Callable[[str], None]
    flash: Callable[[str | None], None] | None = None
    paint: Paint = field(default_factory=Paint)
    names: int = 18
    running: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        match event.type:
            case "change_started":
                self._move(event.address or "", "…")
            case "progress":
                self._move(event.address or "", str(event.data.get("line") or ""))
            case "change_done":
                self._keep(event, "✓", "ok", str(event.data.get("note") or ""))
            case "change_skipped":
                self._keep(event, "·", "note", str(event.data.get("reason") or ""))
            case "change_failed":
                problems = event.data.get("problems") or []
                self._keep(event, "✗", "warn", problems[0]["summary"] if problems else "failed")
            case _:
                pass

    def _move(self, address: str, line: str) -> None:
        self.running[address] = line
        if self.flash:
            told = "  ".join(f"{name}: {text}" for name, text in self.running.items())
            self.flash(f"  … {told}")
        elif line and line != "…":
            self.write(f"    {address:<{self.names}}  {line}")

    def _keep(self, event: Event, mark: str, tone: str, note: str) -> None:
        address = event.address or ""
        self.running.pop(address, None)
        if self.flash:
            self.flash(None)
        took = event.data.get("seconds")
        seconds = f"{took:.1f} s" if isinstance(took, int | float) and took >= 0.05 else ""
        category = str(event.data.get("category") or "")
        body = f"{note:<52}" if seconds else note
        self.write(f"  {self.paint(mark, tone)} {address:<{self.names}}  {category:<11} {body}  {seconds}".rstrip())


def json_lines(write: Callable[[str], None]) -> Callable[[Event], None]:
    """The first line names the format and its version."""
    write(json.dumps({"format": STREAM}))

    def sink(event: Event) -> None:
        told: Mapping[str, Any] = {"type": event.type, "at": event.at, "address": event.address, **event.data}
        write(json.dumps(told, ensure_ascii=False, default=str))

    return sink
