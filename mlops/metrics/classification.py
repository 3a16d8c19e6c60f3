"""Say which metrics compare chosen classes.

Lives here: ACCURACY, MACRO_F1, POSITIVE_RATE.
Not here: computing them (workloads.measuring).
Law: each of them depends on the class that is chosen, not on how sure the model is.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric, Worsening
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.measuring"

ACCURACY = Metric(
    "accuracy",
    frozenset({Task.BINARY, Task.MULTICLASS}),
    Direction.MAX,
    f"{_COMPUTED}:accuracy",
    headline={Task.BINARY: 2, Task.MULTICLASS: 1},
    drift={Task.MULTICLASS: Worsening(0.05)},
    doc="Share of the rows whose class is right.",
)
MACRO_F1 = Metric(
    "macro_f1",
    frozenset({Task.MULTICLASS, Task.MULTILABEL}),
    Direction.MAX,
    f"{_COMPUTED}:macro_f1",
    headline={Task.MULTILABEL: 2},
    doc="The mean over the classes, or the labels, of F1, the harmonic mean of precision and recall.",
)
POSITIVE_RATE = Metric(
    "positive_rate",
    frozenset({Task.BINARY}),
    Direction.NEITHER,
    f"{_COMPUTED}:positive_rate",
    doc="Share of the rows that are predicted to be true.",
)
