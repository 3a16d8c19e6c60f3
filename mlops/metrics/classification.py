"""Say which metrics compare chosen classes.

Lives here: ACCURACY, BALANCED_ACCURACY, MCC, POSITIVE_RATE and FALSE_POSITIVE_RATE; precision, recall and F1 of the true class, of classes that
count alike (macro) and of classes by their rows (weighted); TOP_3_ACCURACY and TOP_5_ACCURACY.
Not here: computing them (workloads.metrics.classification).
Law: each of them depends on the class that is chosen, or on which are the first few, not on how sure the model is.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric, Worsening
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.classification"
_TWO = frozenset({Task.BINARY})
_SEVERAL = frozenset({Task.MULTICLASS})

ACCURACY = Metric(
    "accuracy",
    _TWO | _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:accuracy",
    headline={Task.BINARY: 2, Task.MULTICLASS: 1},
    drift={Task.MULTICLASS: Worsening(0.05)},
    doc="Share of the rows whose class is right.",
)
BALANCED_ACCURACY = Metric(
    "balanced_accuracy",
    _TWO | _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:balanced_accuracy",
    doc="The mean over the classes of the share of their rows that is found, so that a rare class counts as a frequent one.",
)
MCC = Metric(
    "mcc",
    _TWO | _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:mcc",
    doc="The correlation of Matthews between the classes that are right and those that are chosen: 1 is perfect, 0 is chance.",
)
POSITIVE_RATE = Metric(
    "positive_rate",
    _TWO,
    Direction.NEITHER,
    f"{_COMPUTED}:positive_rate",
    doc="Share of the rows that are predicted to be true.",
)
FALSE_POSITIVE_RATE = Metric(
    "false_positive_rate",
    _TWO,
    Direction.MIN,
    f"{_COMPUTED}:false_positive_rate",
    doc="Share of the false rows that are predicted to be true.",
)
PRECISION = Metric(
    "precision",
    _TWO,
    Direction.MAX,
    f"{_COMPUTED}:precision",
    doc="Share of the rows that are predicted to be true that are true.",
)
RECALL = Metric(
    "recall",
    _TWO,
    Direction.MAX,
    f"{_COMPUTED}:recall",
    doc="Share of the true rows that are predicted to be true.",
)
F1 = Metric(
    "f1",
    _TWO,
    Direction.MAX,
    f"{_COMPUTED}:f1",
    doc="The harmonic mean of precision and recall.",
)
MACRO_PRECISION = Metric(
    "macro_precision",
    _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:macro_precision",
    doc="The mean over the classes of precision.",
)
MACRO_RECALL = Metric(
    "macro_recall",
    _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:macro_recall",
    doc="The mean over the classes of recall.",
)
MACRO_F1 = Metric(
    "macro_f1",
    _SEVERAL | {Task.MULTILABEL},
    Direction.MAX,
    f"{_COMPUTED}:macro_f1",
    headline={Task.MULTILABEL: 2},
    doc="The mean over the classes, or the labels, of F1, the harmonic mean of precision and recall.",
)
WEIGHTED_PRECISION = Metric(
    "weighted_precision",
    _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:weighted_precision",
    doc="The mean over the classes, by their rows, of precision.",
)
WEIGHTED_RECALL = Metric(
    "weighted_recall",
    _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:weighted_recall",
    doc="The mean over the classes, by their rows, of recall.",
)
WEIGHTED_F1 = Metric(
    "weighted_f1",
    _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:weighted_f1",
    doc="The mean over the classes, by their rows, of F1, the harmonic mean of precision and recall.",
)
TOP_3_ACCURACY = Metric(
    "top_3_accuracy",
    _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:top_3_accuracy",
    doc="Share of the rows whose class is among the three likeliest; of more than three classes.",
)
TOP_5_ACCURACY = Metric(
    "top_5_accuracy",
    _SEVERAL,
    Direction.MAX,
    f"{_COMPUTED}:top_5_accuracy",
    doc="Share of the rows whose class is among the five likeliest; of more than five classes.",
)
