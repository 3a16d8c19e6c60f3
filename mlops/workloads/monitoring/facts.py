"""Count what a profile cannot tell.

Lives here: facts_of (what all training rows hold, column by column) and WindowCounts (what a window holds that they do not).
Not here: deciding whether a count is a finding (drift), distributions (profile).
Law: counts are exact. A column without facts is not counted, and a fact that is missing switches its own check off alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mlops.contracts.watcher import BaselineColumn
from mlops.workloads.monitoring.values import reader_of

_MOST_VALUES = 1_000
_MOST_CHARACTERS = 200_000
"""For the values of all columns together: the baseline travels in a configuration map of a cluster, which holds 1 MiB."""
_MOST_EXAMPLES = 3
_LONGEST_EXAMPLE = 40


def facts_of(
    columns: Mapping[str, pa.ChunkedArray],
    kinds: Mapping[str, str],
    types: Mapping[str, str],
    predictions: Mapping[str, npt.NDArray[Any]] | None = None,
) -> dict[str, BaselineColumn]:
    """Return the facts of each column. `types`: column -> type of the contract. `predictions`: column -> numbers, of some rows."""
    facts: dict[str, BaselineColumn] = {}
    room = _MOST_CHARACTERS
    counted = {name: _counted(values, kinds[name], types.get(name)) for name, values in columns.items()}
    for name, counts in sorted(counted.items(), key=lambda item: len(item[1])):
        if not counts:
            continue
        mode, most_often = max(counts.items(), key=lambda item: (item[1], str(item[0])))
        known = sum(counts.values())
        if kinds[name] == "number":
            facts[name] = BaselineColumn(
                known=known, mode=mode, mode_share=most_often / known, least=min(counts), most=max(counts)
            )
            continue
        characters = sum(len(value) + 4 for value in counts)
        is_kept = len(counts) <= _MOST_VALUES and characters <= room
        room -= characters if is_kept else 0
        once = sum(count == 1 for count in counts.values())
        facts[name] = BaselineColumn(
            known=known, mode=mode, mode_share=most_often / known, values=tuple(sorted(counts)) if is_kept else None, once=once
        )  # fmt: skip
    for name, numbers in (predictions or {}).items():
        if len(numbers) > 1:
            mean, deviation = float(np.mean(numbers)), float(np.std(numbers, ddof=1))
            facts[name] = BaselineColumn(known=len(numbers), mean=mean, deviation=deviation)
    return facts


def _counted(values: pa.ChunkedArray, kind: str, contract_type: str | None) -> Counter[Any]:
    """Return how often each value occurs, as the contract types it; missing ones do not."""
    read = reader_of(kind, contract_type)
    counts: Counter[Any] = Counter()
    for entry in values.value_counts().to_pylist():
        value = read(entry["values"])
        if value is not None:
            counts[value] += entry["counts"]
    return counts


@dataclass
class ColumnCounts:
    """The counts of one column of a window. `outside`: numbers below the least or above the most of training."""

    known: int = 0
    unseen: int = 0
    examples: list[str] = field(default_factory=list)
    outside: int = 0
    first: Any = None
    is_constant: bool = True
    total: float = 0.0
    squares: float = 0.0


class WindowCounts:
    """Counts the rows of one window, part by part. `facts`: those of the baseline; columns without them are left out."""

    def __init__(self, facts: Mapping[str, BaselineColumn], kinds: Mapping[str, str]) -> None:
        self.facts = facts
        self._kinds = kinds
        self._seen = {name: frozenset(fact.values) for name, fact in facts.items() if fact.values is not None}
        self.columns = {name: ColumnCounts() for name in facts if name in kinds}

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Count some rows. `columns`: values as a ValueReader returns them, None for missing."""
        for name, counts in self.columns.items():
            if self._kinds[name] == "text":
                self._add_texts(name, counts, columns[name])
            else:
                self._add_numbers(name, counts, columns[name])

    def _add_texts(self, name: str, counts: ColumnCounts, values: Sequence[Any]) -> None:
        found = Counter(value for value in values if value is not None)
        _extend(counts, found.total(), found)
        seen = self._seen.get(name)
        for value, count in found.items() if seen is not None else ():
            if value in seen:  # type: ignore[operator]
                continue
            counts.unseen += count
            shown = value[:_LONGEST_EXAMPLE]
            if shown not in counts.examples and len(counts.examples) < _MOST_EXAMPLES:
                counts.examples.append(shown)

    def _add_numbers(self, name: str, counts: ColumnCounts, values: Sequence[Any]) -> None:
        numbers = np.array([value for value in values if value is not None], dtype=np.float64)
        if not len(numbers):
            return
        least, most = float(numbers.min()), float(numbers.max())
        _extend(counts, len(numbers), (least, most))
        fact = self.facts[name]
        if fact.least is not None and fact.most is not None and (least < fact.least or most > fact.most):
            counts.outside += int(((numbers < fact.least) | (numbers > fact.most)).sum())
        if fact.mean is not None:
            away = numbers - fact.mean
            counts.total += float(away.sum())
            counts.squares += float((away * away).sum())


def _extend(counts: ColumnCounts, known: int, values: Any) -> None:
    """Count `known` values; `values` holds all that differ, or the ends of their range."""
    counts.known += known
    for value in values:
        if counts.first is None:
            counts.first = value
        elif value != counts.first:
            counts.is_constant = False
            break
