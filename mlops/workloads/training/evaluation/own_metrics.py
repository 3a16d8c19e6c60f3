"""Find the metrics of the model itself.

Lives here: own_metrics_of.
Not here: what may be said of them (config.schema.decision), computing a metric (workloads.metrics).
Law: code of the user is imported in the stage alone, after its module was checked against the project's list.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlops.contracts.stage_params import OwnMetricParams
from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task


def own_metrics_of(params: Mapping[str, OwnMetricParams], task: Task) -> tuple[Metric, ...]:
    """Return them in the order of their names."""
    return tuple(
        Metric(name, frozenset({task}), Direction(own.better), ":".join(own.target.rsplit(".", 1)))
        for name, own in sorted(params.items())
    )
