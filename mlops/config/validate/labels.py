"""Check that a model fits what its data set declares.

Lives here: label_problems, for its task, and family_problems, for its family.
Not here: the values of labels, which only training sees (workloads.training.data).
Law: what is known from the YAML alone is said before anything is planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops.config.schema.families.family import family_spec
from mlops.config.schema.targets.base import Incompatibility
from mlops.metrics.task import Task


def label_problems(model: Mapping[str, Any], dataset: Mapping[str, Any]) -> Iterator[Incompatibility]:
    """Yield a problem where a task needs other labels than there are. `model` and `dataset`: their inputs, defaults left out."""
    label, task, name = dataset.get("label"), model["task"], model["dataset"]
    if task not in set(Task):
        return
    if label is None:
        if Task(task).is_labelled:
            detail = (
                f"`task: {task}` learns a label, and dataset.{name} names none. Say there which column is predicted, "
                "`label: COLUMN`, or choose a task without one: clustering, anomaly or reduction."
            )
            yield Incompatibility("labels do not fit", detail, "task")
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


def family_problems(model: Mapping[str, Any], dataset: Mapping[str, Any]) -> Iterator[Incompatibility]:
    """Yield a problem where a family looks at images and the data set has none among its features. `model` and `dataset`: their
    inputs, defaults left out."""
    family = model["architecture"]["name"]
    if getattr(family_spec(family), "sees_images", False) and not {"image", "pixels"} & set(dataset["features"]):
        detail = (
            f"The family `{family}` looks at images, and dataset.{model['dataset']} has none among its features. List a column of "
            "images under `features.image`, or columns of pixels under `features.pixels`, or choose a family for tables."
        )
        yield Incompatibility("no images", detail, "architecture.name")
