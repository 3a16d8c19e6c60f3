"""Merge the metrics of replicas.

Lives here: MergedMetrics, which adds up what the replicas of a stack say in Prometheus' text format.
Not here: asking them and answering a scrape (gatekeeper).
Law: a counter never goes back because a process was started anew, neither a replica nor this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.targets.local.files import read_mapping, write_private

_SERIES = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>[0-9.eE+-]+|\+Inf|NaN)$")
_BOUND = re.compile(r',?le="([^"]*)"')
_ABOUT = re.compile(r"^# (HELP|TYPE) (\S+) (.*)$")


@dataclass
class _Source:
    """What one replica has counted. `past`: in processes of it that have ended. `last`: in the one that runs."""

    past: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)

    def take(self, now: Mapping[str, float]) -> None:
        if any(now.get(series, 0.0) < value for series, value in self.last.items()):
            for series, value in self.last.items():
                self.past[series] = self.past.get(series, 0.0) + value
        self.last = dict(now)

    def total(self) -> dict[str, float]:
        return {s: self.past.get(s, 0.0) + self.last.get(s, 0.0) for s in {**self.past, **self.last}}


class MergedMetrics:
    """`file`: keeps what was counted, so that it outlives this process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._sources = {name: _Source(**one) for name, one in read_mapping(file).items()}
        self._about: dict[str, dict[str, str]] = {}
        self._gauges: dict[str, dict[str, float]] = {}

    def take(self, source: str, endpoint: str, text: str) -> None:
        """Take what a replica says now. `source`: names the replica."""
        counted: dict[str, float] = {}
        self._gauges[source] = {}
        for line in text.splitlines():
            if (about := _ABOUT.match(line)) is not None:
                self._about.setdefault(about[2], {})[about[1]] = about[3]
            elif (found := _SERIES.match(line)) is not None:
                labels = ",".join(filter(None, (f'endpoint="{endpoint}"', found["labels"])))
                is_gauge = self._about.get(found["name"], {}).get("TYPE") == "gauge"
                (self._gauges[source] if is_gauge else counted)[f"{found['name']}{{{labels}}}"] = float(found["value"])
        self._sources.setdefault(source, _Source()).take(counted)

    def keep_only(self, sources: set[str], silent: set[str]) -> None:
        """Forget replicas that are no more, and the gauges of those that gave no answer."""
        self._sources = {name: one for name, one in self._sources.items() if name in sources}
        self._gauges = {name: one for name, one in self._gauges.items() if name in sources - silent}

    def save(self) -> None:
        write_private(self._file, {name: {"past": one.past, "last": one.last} for name, one in self._sources.items()})

    def text(self, more: Mapping[str, tuple[str, Mapping[str, float]]]) -> str:
        """`more`: name -> its kind, and further series of it."""
        total: dict[str, float] = {}
        for part in (*(one.total() for one in self._sources.values()), *self._gauges.values()):
            for series, value in part.items():
                total[series] = total.get(series, 0.0) + value
        about: dict[str, dict[str, Any]] = {**self._about, **{name: {"TYPE": kind} for name, (kind, _) in more.items()}}
        for _, further in more.values():
            total.update(further)
        lines: list[str] = []
        for name, said in about.items():
            pattern = re.compile(rf"^{re.escape(name)}(_bucket|_sum|_count)?\{{")
            mine = sorted((series for series in total if pattern.match(series)), key=_place)
            if mine:
                lines += [f"# {kind} {name} {text}" for kind, text in sorted(said.items())]
                lines += [f"{series} {_number(total[series])}" for series in mine]
        return "\n".join(lines) + "\n"


def _place(series: str) -> tuple[str, float]:
    """Buckets stand in the order of their bounds."""
    bound = _BOUND.search(series)
    return _BOUND.sub("", series), float(bound[1]) if bound else 0.0


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
