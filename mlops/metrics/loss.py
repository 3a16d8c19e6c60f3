"""Say what a family reports of itself while it trains.

Lives here: LOSS.
Not here: which of them a family logs (config.schema.families).
Law: it is measured by the family and not by `evaluate`, so that no gate reads it.
"""

from __future__ import annotations

from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task

LOSS = Metric(
    "loss",
    frozenset(Task),
    Direction.MIN,
    splits=("val", "train"),
    doc="What training makes small: the model's `loss`.",
)
