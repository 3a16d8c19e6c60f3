"""Say which metrics judge anomaly scores.

Lives here: SHARE_FLAGGED, RECONSTRUCTION_ERROR, LABEL_AUC, LABEL_AVERAGE_PRECISION.
Not here: computing them (workloads.metrics.anomaly).
Law: those that need a label are left out where the data set has none.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric, Worsening
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.anomaly"
_TASKS = frozenset({Task.ANOMALY})

LABEL_AUC = Metric(
    "label_auc",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:label_auc",
    headline={Task.ANOMALY: 1},
    drift={Task.ANOMALY: Worsening(0.05)},
    doc="The chance that a row whose label says anomaly has a higher score than one whose label does not.",
)
LABEL_AVERAGE_PRECISION = Metric(
    "label_average_precision",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:label_average_precision",
    doc="The area under the curve of precision over recall of the score, by the label.",
)
SHARE_FLAGGED = Metric(
    "share_flagged",
    _TASKS,
    Direction.NEITHER,
    f"{_COMPUTED}:share_flagged",
    headline={Task.ANOMALY: 2},
    form=".4f",
    doc="Share of the rows that are flagged; on the train split it is `contamination`.",
)
RECONSTRUCTION_ERROR = Metric(
    "reconstruction_error",
    frozenset({Task.ANOMALY, Task.REDUCTION}),
    Direction.MIN,
    f"{_COMPUTED}:reconstruction_error",
    headline={Task.ANOMALY: 3, Task.REDUCTION: 2},
    form=".4g",
    doc="The mean squared difference of features from what is made of them again; left out for a family that makes none again.",
)
