"""Say which metrics compare several labels of a row.

Lives here: MACRO_AUC, MICRO_F1, SUBSET_ACCURACY, HAMMING.
Not here: computing them (workloads.metrics.multilabel), `macro_f1`, which several classes have too (classification).
Law: a label counts as predicted from a probability of one half.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric, Worsening
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.multilabel"
_TASKS = frozenset({Task.MULTILABEL})

MACRO_AUC = Metric(
    "macro_auc",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:macro_auc",
    headline={Task.MULTILABEL: 1},
    doc="The mean of `auc` over the labels that are true in some rows and false in others.",
)
MICRO_F1 = Metric(
    "micro_f1",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:micro_f1",
    drift={Task.MULTILABEL: Worsening(0.05)},
    doc="F1 of all labels of all rows together.",
)
SUBSET_ACCURACY = Metric(
    "subset_accuracy",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:subset_accuracy",
    doc="Share of the rows all of whose labels are right.",
)
HAMMING = Metric(
    "hamming",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:hamming",
    doc="Share of the labels of all rows that are wrong.",
)
