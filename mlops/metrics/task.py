"""Name what is predicted.

Lives here: Task.
Not here: what a task's metrics are (the other files of this room), what a family can do (config.schema.families).
Law: a task's name is written here alone; stored files hold its text.
"""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a model predicts: one of two classes, one of several, or a number; which of several labels are true, quantiles of
    a number, or the next values of a series."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    MULTILABEL = "multilabel"
    QUANTILE = "quantile"
    FORECASTING = "forecasting"

    @property
    def is_vector(self) -> bool:
        """Say whether a prediction is a number for each of several names: labels, quantiles, or steps ahead."""
        return self in (Task.MULTILABEL, Task.QUANTILE, Task.FORECASTING)
