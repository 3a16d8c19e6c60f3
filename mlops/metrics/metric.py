"""Say what a metric is.

Lives here: Metric, Direction, Worsening.
Not here: the metrics (one file a theme), finding one by its name (table), computing one (workloads).
Law: nothing heavy is imported; the function that computes a metric is named, and loaded in a stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mlops.metrics.task import Task

MEASURED_SPLITS = ("test", "val")
"""The splits that `evaluate` measures; the first is the one that slices and the live model are measured on."""


class Direction(StrEnum):
    """Which values of a metric are better. NEITHER: it describes the predictions."""

    MAX = "max"
    MIN = "min"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Worsening:
    """How much worse than at training a live metric is when that is a finding. `relative`: as a share of its old value."""

    by: float
    relative: bool = False


@dataclass(frozen=True)
class Metric:
    """`compute`: `module:function`, which takes `truth` and `predicted` as the function of a built-in does and returns a
    number, NaN where it cannot be computed; empty for what a family reports of itself while it trains. It may take
    `threshold` too, from which a probability is the second class, and `weights` (workloads.metrics.measure).

    `headline`: task -> place among the metrics that stand for a model of that task where there is room for few; the first
    is 1. `drift`: task -> when a live model has become worse. `form`: how a value is written, as `format` takes it.
    `between_groups`: it compares the groups of a slice, and its function is given `groups` too, a number for each row.
    `doc`: what it says, in a sentence for the reference.
    """

    name: str
    tasks: frozenset[Task]
    direction: Direction
    compute: str = ""
    splits: tuple[str, ...] = MEASURED_SPLITS
    headline: Mapping[Task, int] = field(default_factory=dict)
    drift: Mapping[Task, Worsening] = field(default_factory=dict)
    form: str = ".3f"
    between_groups: bool = False
    doc: str = ""

    def shown(self, value: float) -> str:
        return format(value, self.form)

    def is_worse(self, task: Task, *, before: float, now: float) -> bool:
        """Say whether `now` is worse than `before` by more than `drift` allows; never for a metric without one."""
        allowed = self.drift.get(task)
        if allowed is None or self.direction is Direction.NEITHER:
            return False
        if allowed.relative and before == 0:
            return now != 0 and self.direction is Direction.MIN
        change = now / before - 1 if allowed.relative else now - before
        return (change if self.direction is Direction.MIN else -change) > allowed.by
