"""Tell how an apply goes.

Lives here: Progress, which turns events into lines, render_progress_html, and JsonLines, which turns them into JSON Lines.
Not here: writing them anywhere (cli).
Law: each finished change is one line that stays; what is going on is at most one line that moves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from mlops.engine.events import Event
from mlops.errors import Problem
from mlops.render.paint import Paint

STREAM = "mlops.apply/1"


@dataclass
class Progress:
    """Turns events into lines. `write`: takes a line to keep. `flash`: takes the line that moves (None clears it),
    where there is a terminal."""

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
            running = "  ".join(f"{name}: {text}" for name, text in self.running.items())
            self.flash(f"  … {running}")
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


def render_progress_html(lines: Iterable[str], moving: str, *, ended: int, total: int) -> str:
    """Return what a notebook shows of an apply. `moving`: the line of what is going on. `ended`: changes that ended, of
    `total`."""
    text = "\n".join(escape(line) for line in [*lines, *([moving] if moving else [])])
    return f'<progress value="{ended}" max="{total}"></progress> {ended} of {total}<pre>{text}</pre>'


_TYPES = {
    "change_started": "apply_start", "progress": "progress", "change_done": "apply_complete", "change_failed": "apply_errored",
    "change_skipped": "apply_skipped", "apply_done": "summary",
}  # fmt: skip


class JsonLines:
    """Writes an apply as JSON Lines: the format and its version, a planned_change for each change, events as they
    happen, a summary, and diagnostics where something went wrong. `write`: takes a line."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write
        self._line({"format": STREAM})

    def planned(self, document: Mapping[str, Any]) -> None:
        """Write the planned changes. `document`: the plan as data. Without changes the summary follows at once."""
        for change in document["changes"]:
            fields = {name: change[name] for name in ("address", "action", "category", "because", "notes", "blocked")}
            self._line({"type": "planned_change", **fields})
        if not document["changes"]:
            self._line({"type": "summary", "done": 0, "failed": 0, "skipped": 0, "seconds": 0.0})

    def __call__(self, event: Event) -> None:
        if event.type in _TYPES:
            fields = {"type": _TYPES[event.type], "at": event.at, "address": event.address, **event.data}
            self._line({key: value for key, value in fields.items() if value is not None})

    def diagnostics(self, problems: Iterable[Problem]) -> None:
        self._line({"type": "diagnostics", "problems": [asdict(problem) for problem in problems]})

    def _line(self, fields: Mapping[str, Any]) -> None:
        self.write(json.dumps(fields, ensure_ascii=False, default=str))
