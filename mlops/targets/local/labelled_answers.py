"""Join answers with the labels that came of them.

Lives here: LogReader, which follows the prediction log of an endpoint while both are written.
Not here: what an answer was worth (rollout.experiment), late labels of a monitor (workloads).
Law: an answer is given once, with its first label, in the order in which labels are read; a line that is no JSON stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mlops.rollout.experiment import LabelledAnswer

_MOST_WAITING = 1_000_000
"""Answers without a label, and labels without an answer, that are remembered."""


class _Answer(msgspec.Struct):
    predictions: list[Any] = []


class _Label(msgspec.Struct):
    id: Any = None
    label: Any = None


class _Line(msgspec.Struct):
    t: float = 0.0
    v: str = ""
    id: str = ""
    a: _Answer | None = None
    f: _Label | None = None


_decoder = msgspec.json.Decoder(_Line)


@dataclass
class LogReader:
    """`since`: seconds since 1970; what was answered before is no part of it."""

    folder: Path
    since: float
    _read: dict[str, int] = field(default_factory=dict)
    """Bytes of each segment that were read, by its name without the ending, which changes when it is closed."""
    _answers: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)
    _labels: dict[str, Any] = field(default_factory=dict)
    _given: set[str] = field(default_factory=set)

    def __call__(self) -> list[LabelledAnswer]:
        """Return what was labelled since the last call."""
        return [found for line in self._lines() if (found := self._joined(line)) is not None]

    def _lines(self) -> Iterator[_Line]:
        for path in sorted([*self.folder.glob("*.jsonl"), *self.folder.glob("*.open")], key=lambda path: path.stem):
            begun = self._read.get(path.stem, 0)
            try:
                if path.stat().st_mtime < self.since or path.stat().st_size == begun:
                    continue
                with path.open("rb") as file:
                    file.seek(begun)
                    content = file.read()
            except OSError:  # it was closed or deleted this moment; the next call finds it
                continue
            whole = content.rfind(b"\n") + 1
            self._read[path.stem] = begun + whole
            for line in content[:whole].splitlines():
                try:
                    yield _decoder.decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue

    def _joined(self, line: _Line) -> LabelledAnswer | None:
        if line.f is not None:
            name = str(line.f.id)
            if name in self._given:
                return None
            self._labels.setdefault(name, line.f.label)
        elif line.a is not None and line.t >= self.since and line.id not in self._given:
            name = line.id
            self._answers.setdefault(name, (line.v, line.a.predictions))
        else:
            return None
        if name not in self._labels or name not in self._answers:
            for waiting in (self._answers, self._labels):
                if len(waiting) > _MOST_WAITING:
                    del waiting[next(iter(waiting))]
            return None
        version, predictions = self._answers.pop(name)
        self._given.add(name)
        return LabelledAnswer(version, predictions, self._labels.pop(name))
