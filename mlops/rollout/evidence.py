"""Hold what was seen of two versions.

Lives here: Counts (what a version answered), Pair (two answers to the same row), StepEvidence (all that a judge reads).
Not here: counting (the targets' fleets), judging (judges).
Law: nothing here is a judgement; what a target cannot count is left at nothing, and nobody judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ModelOutput = tuple[float, ...]
"""What a model says of one row: a number, or one for each class."""


@dataclass(frozen=True)
class Counts:
    """What clients saw of a version. `started`: requests that reached it. `refused`, `failed`: answers 4xx and 5xx. `waiting`:
    requests without an answer at this moment. `within`: milliseconds -> how many answers took at most so long."""

    started: float = 0.0
    answered: float = 0.0
    refused: float = 0.0
    failed: float = 0.0
    waiting: float = 0.0
    within: Mapping[float, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Counts:
        within = {float(bound): float(count) for bound, count in value.get("within", {}).items()}
        return cls(**{**value, "within": within})

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "within": {str(bound): count for bound, count in self.within.items()}}

    def since(self, before: Counts) -> Counts:
        """Return what came after `before`; what waits is what waits now. A counter that was begun anew counts from zero."""
        if self.started < before.started:
            return self
        return Counts(
            self.started - before.started, self.answered - before.answered, self.refused - before.refused,
            self.failed - before.failed, self.waiting,
            {bound: count - before.within.get(bound, 0.0) for bound, count in self.within.items()},
        )  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """The answers of both versions to one row; `is_probability`: its numbers are between 0 and 1."""

    candidate: ModelOutput
    live: ModelOutput
    is_probability: bool = False


@dataclass(frozen=True)
class StepEvidence:
    """`stuck`, `usually_stuck`: the requests that were without an answer all through the last seconds, and those that were begun
    before, of the candidate and of what is live. `pairs`: rows that both answered. `intervals`: of each short time
    after the first seconds of a step, what the candidate answered in it and what the live version did."""

    candidate: Counts
    live: Counts
    stuck: tuple[float, float] = (0.0, 0.0)
    usually_stuck: tuple[float, float] = (0.0, 0.0)
    pairs: tuple[Pair, ...] = ()
    intervals: tuple[tuple[Counts, Counts], ...] = ()


def answered_rows(answer: Any) -> list[tuple[ModelOutput, bool]]:
    """Return the numbers of each row of an answer, and whether they are probabilities; a row without any is empty."""
    rows = answer.get("predictions") if isinstance(answer, Mapping) else None
    return [_numbers(row) for row in rows] if isinstance(rows, list) else []


def _numbers(row: Any) -> tuple[ModelOutput, bool]:
    for name in ("probability", "probabilities"):
        if isinstance(row, Mapping) and name in row and "cluster" not in row:
            return tuple(_leaves(row[name])), True
    return tuple(_leaves(row)), False


def _leaves(value: Any) -> list[float]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int | float):
        return [float(value)]
    if isinstance(value, Mapping):
        return [leaf for name in sorted(value) for leaf in _leaves(value[name])]
    return [leaf for inner in value for leaf in _leaves(inner)] if isinstance(value, list) else []
