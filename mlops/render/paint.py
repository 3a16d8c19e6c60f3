"""Colour text for a terminal.

Lives here: Paint, the few tones that the views use, and the laying out of columns.
Not here: deciding whether colour is wanted (cli).
Law: without colour the text is the same, less the escape codes.
"""

from __future__ import annotations

from dataclasses import dataclass

_CODES = {
    "add": "32", "remove": "31", "change": "33", "run": "36", "note": "2", "warn": "1;31", "strong": "1", "ok": "32",
    "link": "4",
}  # fmt: skip

TONE_OF_ACTION = {
    "create": "add", "update": "change", "replace": "warn", "delete": "remove", "run": "run",
    "if-upstream-changes": "note", "forget": "note", "adopt": "note",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paint:
    color: bool = False

    def __call__(self, text: str, tone: str = "") -> str:
        code = _CODES.get(tone) if self.color else None
        return f"\x1b[{code}m{text}\x1b[0m" if code and text else text
