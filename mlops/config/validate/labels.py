"""Check that a model's task fits the labels of its data set.

Lives here: label_problems.
Not here: the values of labels, which only training sees (workloads.training.data).
Law: what is known from the YAML alone is said before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.config.schema.targets.base import Incompatibility
from mlops.metrics.task import Task


def label_problems(model: Mapping[str, Any], dataset: Mapping[str, Any]) -> Iterator[Incompatibility]:
    """Yield a problem where a task needs other labels than there are. `model` and `dataset`: their inputs, defaults left out."""
    label, task, name = dataset.get("label"), model["task"], model["dataset"]
    if label is None or task not in set(Task):
        return
    if task == Task.MULTILABEL and isinstance(label, str):
        detail = (
            f"`task: multilabel` predicts several labels, and dataset.{name} names one, `{label}`. List the columns there, "
            f"`label: [{label}, …]`, or say `task: binary`."
        )
        yield Incompatibility("labels do not fit", detail, "task")
    if (task == Task.FORECASTING) != ("window" in dataset):
        made = "makes windows of series, which" if "window" in dataset else "makes no windows of series, which alone"
        detail = f"dataset.{name} {made} `task: forecasting` predicts, and this is `task: {task}`. Change the task, or `window` there."
        yield Incompatibility("labels do not fit", detail, "task")
    if task != Task.MULTILABEL and not isinstance(label, str):
        detail = (
            f"`task: {task}` predicts one label, and dataset.{name} lists {len(label)}: {', '.join(label)}. Name one there, "
            "or say `task: multilabel`."
        )
        yield Incompatibility("labels do not fit", detail, "task")
