"""Word what was measured of a model.

Lives here: metrics_change and headline_values, headline metrics with their intervals, and evaluation_lines, how it stands.
Not here: measuring (workloads), judging gates (gates), drawing (render).
Law: a number is written as its metric says, with its interval where it has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops.metrics.baseline import comparison
from mlops.metrics.metric import MEASURED_SPLITS, Metric
from mlops.metrics.table import headlines_of
from mlops.metrics.task import Task

LATER = "known after apply"


def metrics_change(task: Task, before: Mapping[str, Any], after: Mapping[str, Any] | None, *, most: int = 2) -> str:
    """Return the headlines before and after, such as `test_auc 0.688 [0.681, 0.694] → 0.692 [0.685, 0.698]`; empty where
    nothing was measured. `after`: None where it is known after the apply."""
    parts = []
    for name, metric in _headlines(task):
        old, new = _value(metric, before, name), _value(metric, after, name) if after is not None else LATER
        if not old and (not new or new == LATER):
            continue
        parts.append(f"{name} {old} → {new}" if old and new and old != new else f"{name} {new or old}")
    return ", ".join(parts[:most])


def evaluation_lines(task: Task, metrics: Mapping[str, Any], gates: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return how a model stands: its headlines, to its baselines, and its gates."""
    measured = metrics_change(task, {}, metrics)
    held = [f"{'holds' if gate['holds'] else 'missed'}: {gate['words']}" for gate in gates]
    return (*([measured] if measured else []), *(words for words, _ in comparison(task, metrics)), *held)


def headline_values(task: Task, metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headlines that were measured and their values, such as `test_auc` and `0.688 [0.681, 0.694]`."""
    found = [(name, _value(metric, metrics, name)) for name, metric in _headlines(task)]
    return [(name, value) for name, value in found if value]


def _headlines(task: Task) -> list[tuple[str, Metric]]:
    return [(f"{MEASURED_SPLITS[0]}_{metric.name}", metric) for metric in headlines_of(task)]


def _value(metric: Metric, metrics: Mapping[str, Any], name: str) -> str:
    if name not in metrics:
        return ""
    ends = metrics.get("intervals", {}).get(name)
    span = f" [{metric.shown(ends[0])}, {metric.shown(ends[1])}]" if ends else ""
    return f"{metric.shown(metrics[name])}{span}"
