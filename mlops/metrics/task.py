"""Name what is predicted.

Lives here: Task.
Not here: what a task's metrics are (the other files of this room), what a family can do (config.schema.families).
Law: a task's name is written here alone; stored files hold its text.
"""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a model predicts: one of two classes, one of several, or a number; which of several labels are true, quantiles of
    a number, the next values of a series; or, without a label: to which cluster a row belongs, how unlike the others it is,
    and a few numbers that stand for many."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    MULTILABEL = "multilabel"
    QUANTILE = "quantile"
    FORECASTING = "forecasting"
    CLUSTERING = "clustering"
    ANOMALY = "anomaly"
    REDUCTION = "reduction"

    @property
    def is_vector(self) -> bool:
        """Say whether a prediction is a number for each of several names: labels, quantiles, or steps ahead."""
        return self in (Task.MULTILABEL, Task.QUANTILE, Task.FORECASTING)

    @property
    def is_labelled(self) -> bool:
        """Say whether a label is learned; the other tasks learn from features alone, and are measured by a label where there is one."""
        return self not in (Task.CLUSTERING, Task.ANOMALY, Task.REDUCTION)
