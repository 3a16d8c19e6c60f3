"""Name what a model is held against.

Lives here: which baselines each task has, the gate that every model of such a task must pass unless it says otherwise, and
comparison, which says in words how a model stands to its baselines.
Not here: computing a baseline (workloads.training.evaluation.baselines), judging the gate (kinds).
Law: a baseline is measured on the rows that the model is measured on, by the same metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.metrics.metric import MEASURED_SPLITS, Direction
from mlops.metrics.table import headline_of
from mlops.metrics.task import Task

TRIVIAL, LINEAR = "trivial", "linear"
"""`trivial`: answers the same for every row, the share of each class or label, the mean or the quantiles of the label in the
train split; of forecasts, it repeats the last season.
`linear`: a logistic or ridge regression on the features of the model."""
BASELINES: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: (TRIVIAL, LINEAR),
    Task.MULTICLASS: (TRIVIAL, LINEAR),
    Task.REGRESSION: (TRIVIAL, LINEAR),
    Task.MULTILABEL: (TRIVIAL,),
    Task.QUANTILE: (TRIVIAL,),
    Task.FORECASTING: (TRIVIAL, LINEAR),
}


def baseline_gate(task: Task) -> str | None:
    """Return the gate that a model is better than the trivial baseline, by its headline; None where the task has none."""
    headline = headline_of(task)
    if headline is None or TRIVIAL not in BASELINES.get(task, ()):
        return None
    operator = ">" if headline.direction is Direction.MAX else "<"
    return f"{MEASURED_SPLITS[0]}_{headline.name} {operator} {TRIVIAL}"


def comparison(task: Task, metrics: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield, for each baseline, how the model's headline stands to it, and whether the model is worse or no better."""
    headline = headline_of(task)
    name = f"{MEASURED_SPLITS[0]}_{headline.name}" if headline else ""
    if headline is None or name not in metrics:
        return
    for baseline, words in (
        (TRIVIAL, "answering the same for every row"),
        (LINEAR, "a linear model on the same features"),
    ):
        other = metrics.get("baselines", {}).get(baseline, {}).get(name)
        if other is None:
            continue
        own, others = headline.shown(metrics[name]), headline.shown(other)
        gain = metrics[name] - other if headline.direction is Direction.MAX else other - metrics[name]
        relation = "no better than" if own == others else "better than" if gain > 0 else "worse than"
        end = ", which does more for less" if gain <= 0 and baseline == LINEAR and own != others else ""
        yield f"{name} {own} is {relation} the {others} of {words}{end}.", gain <= 0 and own != others
