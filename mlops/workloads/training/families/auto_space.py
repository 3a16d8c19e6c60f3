"""State what the default for tables tries.

Lives here: Candidate, SPACES and candidates_for.
Not here: trying (auto), making one (auto_parts).
Law: a space that was ever released never changes; a better one gets the next number. What is tried follows from the task, the rows
and the number of classes alone, never from the time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops.metrics.task import Task

SKLEARN, BOOSTED, FOREST = "sklearn", "boosted_trees", "random_forest"
_LOGISTIC, _RIDGE = "sklearn.linear_model.LogisticRegression", "sklearn.linear_model.Ridge"


@dataclass(frozen=True)
class Candidate:
    """A family of models with values of its fields, as `architecture` of a model says them. `least` and
    `most`: the values, rows times sums of a row, that it is tried on."""

    family: str
    values: Mapping[str, Any] = field(default_factory=dict)
    most: float = math.inf
    least: int = 0

    @property
    def is_linear(self) -> bool:
        return self.family == SKLEARN


def _linear(task: Task, penalty: float, most: float = math.inf) -> Candidate:
    if task is Task.REGRESSION:
        return Candidate(SKLEARN, {"_target_": _RIDGE, "alpha": penalty}, most)
    return Candidate(SKLEARN, {"_target_": _LOGISTIC, "C": 1 / penalty, "max_iter": 200}, most)


def _first_space(task: Task) -> Sequence[Candidate]:
    """Return the baselines first: a linear model, and trees as they come; then others, the most promising first."""
    return (
        _linear(task, 1.0),
        Candidate(BOOSTED),
        Candidate(BOOSTED, {"leaves": 8, "column_share": 0.7}, 200_000),
        _linear(task, 10.0, 50_000),
        _linear(task, 0.1, 50_000),
        Candidate(
            BOOSTED, {"leaves": 63, "learning_rate": 0.03, "column_share": 0.5, "row_share": 0.8}, 500_000, 2_000
        ),
        Candidate(FOREST, {}, 20_000),
    )


SPACES = {1: _first_space}
"""The number of a space -> what it holds for a task."""
ALWAYS = 2
"""So many candidates are tried whatever the time: without them there is no model."""


def candidates_for(space: int, task: Task, *, rows: int, outputs: int) -> Sequence[Candidate]:
    """Return what is tried, in this order. `rows`: of the train split. `outputs`: the sums of a row, one for each of several classes."""
    return [one for one in SPACES[space](task) if one.least <= rows * outputs <= one.most]
