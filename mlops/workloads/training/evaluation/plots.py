"""Draw curves.

Lives here: plots_of, which gives what DVC plots and the report draw; a table of the plots of each task.
Not here: writing files (training.evaluate), drawing the report (training.report).
Law: a plot has at most a hundred points, or as many as there are classes; one that cannot be drawn is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn import metrics as sk

from mlops.metrics.task import Task
from mlops.workloads.metrics.forecasting import errors_by_step
from mlops.workloads.metrics.weighted import Array

Points = list[dict[str, float]]
_POINTS = 100


def plots_of(task: Task, truth: Array, predicted: Array) -> dict[str, Points]:
    """Return plot's name -> its points."""
    drawn = {name: draw(truth, predicted) for name, draw in _PLOTS.get(task, {}).items()}
    return {name: points for name, points in drawn.items() if points}


def roc(truth: Array, predicted: Array) -> Points:
    if not _has_both(truth):
        return []
    fpr, tpr, _ = sk.roc_curve(truth, predicted)
    return _points("fpr", fpr, "tpr", tpr)


def precision_recall(truth: Array, predicted: Array) -> Points:
    if not _has_both(truth):
        return []
    precision, recall, _ = sk.precision_recall_curve(truth, predicted)
    return _points("recall", recall, "precision", precision)


def residuals(truth: Array, predicted: Array) -> Points:
    chosen = np.linspace(0, len(truth) - 1, min(len(truth), _POINTS)).astype(int)
    return _points("predicted", predicted[chosen], "residual", (truth - predicted)[chosen])


def quantiles(truth: Array, predicted: Array) -> Points:
    """Return how much of the truth is below each quantile, which should be its level."""
    below = (truth[:, :1] <= predicted).mean(axis=0)
    return _points("level", truth[0, 1:], "below", below)


def _has_both(truth: Array) -> bool:
    return len(np.unique(truth)) == 2


def _points(x_name: str, x: Array, y_name: str, y: Array) -> Points:
    chosen = np.linspace(0, len(x) - 1, min(len(x), _POINTS)).astype(int)
    return [{x_name: round(float(x[i]), 6), y_name: round(float(y[i]), 6)} for i in chosen]


_PLOTS: Mapping[Task, Mapping[str, Callable[[Array, Array], Points]]] = {
    Task.BINARY: {"roc": roc, "precision_recall": precision_recall},
    Task.REGRESSION: {"residuals": residuals},
    Task.QUANTILE: {"quantiles": quantiles},
    Task.FORECASTING: {"horizon": errors_by_step},
}
