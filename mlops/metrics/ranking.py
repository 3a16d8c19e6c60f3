"""Say which metrics compare how rows are ordered.

Lives here: AUC, AUC_OVR, AVERAGE_PRECISION, LIFT.
Not here: computing them (workloads.metrics.ranking).
Law: none of them changes where predictions are moved without changing their order.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric, Worsening
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.ranking"

AUC = Metric(
    "auc",
    frozenset({Task.BINARY}),
    Direction.MAX,
    f"{_COMPUTED}:auc",
    headline={Task.BINARY: 1},
    drift={Task.BINARY: Worsening(0.05)},
    doc="The chance that a true row is ranked above a false one: the area under the ROC curve.",
)
AUC_OVR = Metric(
    "auc_ovr",
    frozenset({Task.MULTICLASS}),
    Direction.MAX,
    f"{_COMPUTED}:auc_ovr",
    doc="The mean over the classes of `auc`, each against all others.",
)
AVERAGE_PRECISION = Metric(
    "average_precision",
    frozenset({Task.BINARY}),
    Direction.MAX,
    f"{_COMPUTED}:average_precision",
    doc="The area under the curve of precision over recall (PR AUC).",
)
LIFT = Metric(
    "lift",
    frozenset({Task.BINARY}),
    Direction.MAX,
    f"{_COMPUTED}:lift",
    doc="How many times more true rows the tenth with the highest predictions has than any tenth.",
)
