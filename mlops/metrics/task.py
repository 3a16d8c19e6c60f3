"""Name what is predicted.

Lives here: Task.
Not here: what a task's metrics are (the other files of this room), what a family can do (config.schema.families).
Law: a task's name is written here alone; stored files hold its text.
"""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a model predicts: one of two classes, one of several, or a number."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
