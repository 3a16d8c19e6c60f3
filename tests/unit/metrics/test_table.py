"""The table of metrics: names, directions, headlines, and when a live model has become worse."""

from __future__ import annotations

import pytest

from mlops.errors import MlopsError
from mlops.extensions import METRICS
from mlops.metrics.metric import Direction, Metric, Worsening
from mlops.metrics.table import (
    direction_of,
    drift_metrics_of,
    find_measured,
    headline_of,
    headlines_of,
    measured_names,
    metric_named,
)
from mlops.metrics.task import Task


def test_every_metric_is_registered_under_its_name() -> None:
    assert all(metric_named(name).name == name for name in METRICS.names())


@pytest.mark.parametrize("task", Task)
def test_every_task_has_a_headline(task: Task) -> None:
    assert headline_of(task) is headlines_of(task)[0]


@pytest.mark.parametrize("task", [task for task in Task if task.is_labelled])
def test_every_task_with_a_label_has_a_measure_of_drift(task: Task) -> None:
    assert drift_metrics_of(task)


def test_measured_names_begin_with_the_headlines_of_the_test_split() -> None:
    assert measured_names(Task.BINARY)[:3] == ("test_auc", "test_accuracy", "test_average_precision")
    assert "val_auc" in measured_names(Task.BINARY)
    assert not any("loss" in name and "log_loss" not in name for name in measured_names(Task.BINARY))


@pytest.mark.parametrize("name", ["test_rmse", "auc", "train_auc", "val_loss", "test_", "test_nothing"])
def test_name_that_no_binary_model_has_is_not_found(name: str) -> None:
    assert find_measured(name, Task.BINARY) is None


@pytest.mark.parametrize(
    ("name", "direction"),
    [("val_loss", "min"), ("val_auc", "max"), ("test_log_loss", "min"), ("val_average_precision", "max"), ("val_r2", "max")],
)  # fmt: skip
def test_direction_is_read_from_the_table(name: str, direction: str) -> None:
    assert direction_of(name) == direction


def test_unknown_metric_is_answered_with_a_near_one() -> None:
    with pytest.raises(MlopsError, match="is not a metric that is installed") as raised:
        direction_of("val_acuracy")
    assert raised.value.problems[0].hint == "Did you mean `accuracy`?"


@pytest.mark.parametrize(
    ("name", "task", "before", "now", "worse"),
    [
        ("auc", Task.BINARY, 0.7, 0.6, True), ("auc", Task.BINARY, 0.7, 0.66, False), ("auc", Task.BINARY, 0.7, 0.9, False),
        ("accuracy", Task.MULTICLASS, 0.7, 0.6, True), ("accuracy", Task.BINARY, 0.7, 0.1, False),
        ("mae", Task.REGRESSION, 10.0, 12.5, True), ("mae", Task.REGRESSION, 10.0, 11.0, False),
        ("mae", Task.REGRESSION, 0.0, 1.0, True), ("rmse", Task.REGRESSION, 1.0, 9.0, False),
    ],
)  # fmt: skip
def test_live_metric_is_worse_by_more_than_its_threshold(
    name: str, task: Task, before: float, now: float, worse: bool
) -> None:
    assert metric_named(name).is_worse(task, before=before, now=now) is worse


def test_metric_of_no_direction_is_never_worse() -> None:
    neither = Metric("share", frozenset(Task), Direction.NEITHER, drift={Task.BINARY: Worsening(0.0)})
    assert not neither.is_worse(Task.BINARY, before=0.1, now=0.9)
