"""Read the prediction log.

Lives here: entries_between, end_of_rows, first_time, and LogEntry (one request with its answer, one late label, or how many answers of each status there were).
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
    for path in sorted(folder.glob("*.jsonl")) + sorted(folder.glob("*.open")):
        if not _overlaps(path, start, end):
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            try:
                content = path.with_suffix(".jsonl").read_bytes()
            except OSError:
                continue
        for line in content.splitlines():
            entry = _entry(line)
            if entry is not None and start <= entry.at < end:
                yield entry


def end_of_rows(folder: Path, start: float, end: float, count: int) -> float | None:
    """Return the time before which lie `count` rows from `start` on, or a few more where they come together; None where there are
    fewer until `end`."""
    times = sorted((entry.at, len(entry.rows)) for entry in entries_between(folder, start, end) if entry.rows)
    met = 0
    for at, rows in times:
        met += rows
        if met >= count:
            return math.nextafter(at, math.inf)
    return None


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
