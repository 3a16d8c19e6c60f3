"""Read the prediction log.

Lives here: entries_between, UnreadLines, first_time, and LogEntry (one request with its answer, one late label, or how many answers of each status there were).
Not here: writing it (serving).
Law: a line that is cut off or no JSON is counted, and stops nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the log. `rows` and `predictions` of a request; or `feedback` alone, or `answers` alone: status -> how many
    there were since the line before."""

    at: float
    id: str
    rows: list[dict[str, Any]]
    predictions: list[dict[str, Any]]
    feedback: dict[str, Any] | None
    version: str = ""
    answers: Mapping[str, int] | None = None


_LATEST = 600.0
"""Seconds after which nobody waits for a line any more: its segment was last written so long before."""


class _Line(msgspec.Struct):
    t: float
    v: str = ""
    id: str = ""
    q: Any = None
    a: Any = None
    f: Any = None
    n: Any = None


_decoder = msgspec.json.Decoder(_Line)


def entries_between(folder: Path, start: float, end: float) -> Iterator[LogEntry]:
    """Return those with start <= t < end (Unix seconds), of all replicas, segment by segment; open ones too."""
    for path in _segments(folder):
        if not _overlaps(path, start, end):
            continue
        for line in _content(path).splitlines():
            entry = _entry(line)
            if entry is not None and start <= entry.at < end:
                yield entry


class UnreadLines:
    """Reads each line once, however late it was written: a line goes to the first reading after it that it is old enough for.

    `read`: segment -> how many of its bytes are read; None where lines from `start` (Unix seconds) on are not.
    """

    def __init__(self, folder: Path, start: float, read: Mapping[str, int] | None) -> None:
        self._folder, self._start = folder, start
        self._first = start if read is None else -math.inf
        self._read = read or {}
        self.read: dict[str, int] = {}
        """`read` after what `entries` has returned, for the segments that may still get lines."""

    def entries(self, end: float) -> Iterator[LogEntry]:
        """Return those of before `end`, segment by segment."""
        for path in _segments(self._folder):
            begun = self._read.get(path.stem)
            if begun is None and not _overlaps(path, self._start - _LATEST, end):
                continue
            place = begun or 0
            for line in _content(path, place).split(b"\n")[:-1]:  # the last is not finished
                entry = _entry(line)
                if entry is not None and entry.at >= end:
                    break
                place += len(line) + 1
                if entry is not None and entry.at >= self._first:
                    yield entry
            if _overlaps(path, self._start - _LATEST, end):
                self.read[path.stem] = place

    def end_of_rows(self, end: float, count: int) -> float | None:
        """Return the time before which lie `count` rows, or a few more where they come together; None where there are fewer until
        `end`."""
        times = sorted((entry.at, len(entry.rows)) for entry in self.entries(end) if entry.rows)
        met = 0
        for at, rows in times:
            met += rows
            if met >= count:
                return math.nextafter(at, math.inf)
        return None


def _segments(folder: Path) -> list[Path]:
    """Return the finished segments and the open ones, by name. A segment that is finished meanwhile is in it once."""
    found = {path.stem: path for path in folder.glob("*.open")}
    found.update({path.stem: path for path in folder.glob("*.jsonl")})
    return [found[stem] for stem in sorted(found)]


def _content(path: Path, place: int = 0) -> bytes:
    """Return what a segment has from a byte on, also where it is finished meanwhile; nothing where it is removed."""
    for each in (path, path.with_suffix(".jsonl")):
        try:
            with each.open("rb") as file:
                file.seek(place)
                return file.read()
        except OSError:
            continue
    return b""


def _overlaps(path: Path, start: float, end: float) -> bool:
    """Judge by the time in the segment's name, and of its last write."""
    try:
        first = int(path.stem.rpartition("-")[2]) / 1e9
        last = path.stat().st_mtime
    except (ValueError, OSError):
        return True
    return first - 60 < end and last + 1 >= start


def _entry(line: bytes) -> LogEntry | None:
    read: _Line | None
    try:
        read = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        read = _feedback(line)
    if read is None:
        return None
    if read.f is not None:
        return LogEntry(read.t, "", [], [], read.f) if isinstance(read.f, dict) else None
    if isinstance(read.n, dict):
        counts = {status: count for status, count in read.n.items() if isinstance(count, int)}
        return LogEntry(read.t, "", [], [], None, read.v, counts)
    rows = read.q.get("rows", [read.q]) if isinstance(read.q, dict) else []
    predictions = read.a.get("predictions", []) if isinstance(read.a, dict) else []
    return LogEntry(read.t, read.id, rows, predictions, None, read.v)


def _feedback(line: bytes) -> _Line | None:
    """Return a late label that is no JSON in the strict sense: with NaN, which the service lets through; None for all else."""
    try:
        return msgspec.convert(json.loads(line), _Line) if b'"f":' in line else None
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def first_time(folder: Path) -> float | None:
    """Return when the oldest segment was begun."""
    times = []
    for path in [*folder.glob("*.jsonl"), *folder.glob("*.open")]:
        try:
            times.append(int(path.stem.rpartition("-")[2]) / 1e9)
        except ValueError:
            continue
    return min(times) if times else None
