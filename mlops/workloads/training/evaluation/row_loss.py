"""Say how wrong each row is.

Lives here: row_losses, worst_rows, and what the loss of each task is called.
Not here: metrics of many rows (workloads.metrics).
Law: a row is named by its place in test.parquet; its values are not written, for they may be nobody else's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mlops.metrics.task import Task
from mlops.workloads.metrics.classification import chosen_class
from mlops.workloads.metrics.weighted import Array

_MOST = 50
_LEAST = 1e-7
_DIGITS = 6


def row_losses(task: Task, truth: Array, predicted: Array) -> Array | None:
    """Return a loss for each row; None for a task that has none."""
    found = _LOSSES.get(task)
    return found(truth, predicted) if found else None


def worst_rows(
    losses: Array, truth: Array, predicted: Array, *, classes: Sequence[Any], threshold: float
) -> list[dict[str, Any]]:
    """Return the rows that are most wrong, the worst first."""
    most = min(_MOST, len(losses))
    worst = np.lexsort((np.arange(len(losses)), -losses))[:most]
    said = chosen_class(predicted, threshold) if classes else predicted
    return [
        {
            "row": int(row),
            "actual": _named(truth[row], classes),
            "predicted": _named(said[row], classes),
            **_sure(predicted[row], classes),
            "loss": round(float(losses[row]), _DIGITS),
        }
        for row in worst
    ]


def _named(value: Any, classes: Sequence[Any]) -> Any:
    return str(classes[int(value)]) if classes else round(float(value), _DIGITS)


def _sure(prediction: Any, classes: Sequence[Any]) -> dict[str, float]:
    return {"probability": round(float(np.max(prediction)), _DIGITS)} if classes else {}


def _two(truth: Array, predicted: Array) -> Array:
    likely = np.clip(predicted.astype(np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(-np.log(np.where(truth == 1, likely, 1 - likely)))


def _several(truth: Array, predicted: Array) -> Array:
    likely = predicted[np.arange(len(truth)), truth.astype(np.int64)].astype(np.float64)
    return np.asarray(-np.log(np.clip(likely, _LEAST, 1)))


def _number(truth: Array, predicted: Array) -> Array:
    return np.abs(predicted.astype(np.float64) - truth.astype(np.float64))


_LOSSES: Mapping[Task, Callable[[Array, Array], Array]] = {
    Task.BINARY: _two, Task.MULTICLASS: _several, Task.REGRESSION: _number,
}  # fmt: skip
LOSS_NAMES: Mapping[Task, str] = {
    Task.BINARY: "log loss", Task.MULTICLASS: "log loss", Task.REGRESSION: "absolute error",
}  # fmt: skip
