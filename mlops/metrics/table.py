"""Find metrics.

Lives here: metric_named, find_measured, metrics_of, group_metrics_of,
measured_names, headlines_of, headline_of, drift_metrics_of, direction_of.
Not here: the metrics (one file a theme), computing one (workloads).
Law: built-ins and those of other packages are found in the same way; other packages are looked through for what is not
built in, and where all are asked for.
"""

from __future__ import annotations

from mlops.errors import MlopsError
from mlops.extensions import METRICS
from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task


def metric_named(name: str) -> Metric:
    """Return the metric `auc`, not `test_auc`. Raises MlopsError where nobody brings it."""
    metric = METRICS.load(name)
    if not isinstance(metric, Metric) or metric.name != name:
        raise MlopsError.of(
            "plug-in does not fit",
            f"{METRICS.package(name) or 'mlops'} brings the metric {name}: what it registers is no "
            f"mlops.metrics.metric.Metric called `{name}`. Correct or uninstall that package.",
        )
    return metric


def find_measured(name: str, task: Task) -> Metric | None:
    """Return the metric whose name with its split, such as `test_auc`, stands among the metrics of a model of this task."""
    split, _, bare = name.partition("_")
    if not bare or bare not in METRICS:
        return None
    metric = metric_named(bare)
    return metric if task in metric.tasks and metric.compute and split in metric.splits else None


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """Return what `evaluate` computes for a task: its headlines first, then by name."""
    found = [metric for metric in _computed(task) if not metric.between_groups]
    return tuple(sorted(found, key=lambda metric: (metric.headline.get(task, len(found) + 1), metric.name)))


def group_metrics_of(task: Task) -> tuple[Metric, ...]:
    """Return what `evaluate` computes between the groups of each slice."""
    return tuple(metric for metric in _computed(task) if metric.between_groups)


def _computed(task: Task) -> list[Metric]:
    return [metric for metric in map(metric_named, METRICS.names()) if task in metric.tasks and metric.compute]


def measured_names(task: Task) -> tuple[str, ...]:
    """Return the names of metrics/model/NAME.json: `test_auc` and the like, those of the test split first."""
    metrics = metrics_of(task)
    splits = dict.fromkeys(split for metric in metrics for split in metric.splits)
    return tuple(f"{split}_{metric.name}" for split in splits for metric in metrics if split in metric.splits)


def headlines_of(task: Task) -> tuple[Metric, ...]:
    """Return the metrics that stand for a model of this task, the most important first."""
    return tuple(metric for metric in metrics_of(task) if task in metric.headline)


def headline_of(task: Task) -> Metric | None:
    return next(iter(headlines_of(task)), None)


def drift_metrics_of(task: Task) -> tuple[Metric, ...]:
    """Return the metrics by which a live model of this task is said to have become worse."""
    return tuple(metric for metric in metrics_of(task) if task in metric.drift)


def direction_of(name: str) -> Direction:
    """Return which values of a metric, named with its split, are better. Raises MlopsError where nobody brings it."""
    return metric_named(name.partition("_")[2]).direction
