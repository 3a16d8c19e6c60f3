"""Draw curves.

Lives here: plots_of, which gives what DVC plots and the report draw; a table of the plots of each task.
Not here: writing files (training.evaluate), drawing the report (training.report).
Law: a plot has at most a hundred points, a confusion matrix 400 cells; one that cannot be drawn is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn import metrics as sk

from mlops.metrics.task import Task
from mlops.workloads.metrics.classification import chosen_class
from mlops.workloads.metrics.forecasting import errors_by_step
from mlops.workloads.metrics.probability import normal
from mlops.workloads.metrics.weighted import Array

Points = list[dict[str, Any]]
_POINTS, _BINS = 100, 10
_MOST_CELLS = 400


def plots_of(
    task: Task, truth: Array, predicted: Array, *, classes: Sequence[Any] = (), threshold: float = 0.5
) -> dict[str, Points]:
    """Return plot's name -> its points."""
    drawn = {name: draw(truth, predicted) for name, draw in _PLOTS.get(task, {}).items()}
    if task in _HAVE_CONFUSION:
        drawn["confusion"] = confusion(truth, chosen_class(predicted, threshold), classes)
    return {name: points for name, points in drawn.items() if points}


def confusion(truth: Array, said: Array, classes: Sequence[Any]) -> Points:
    """Return how many rows of each class are said to be of which; of very many classes, the most frequent pairs."""
    size = len(classes)
    pairs, counts = np.unique(truth.astype(np.int64) * size + said, return_counts=True)
    most = sorted(zip(pairs.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))[:_MOST_CELLS]
    return [
        {"actual": str(classes[pair // size]), "predicted": str(classes[pair % size]), "rows": count}
        for pair, count in sorted(most)
    ]


def calibration(truth: Array, predicted: Array) -> Points:
    """Return, for ten bins of probabilities, what was said and how often it was true; of several classes, of the likeliest."""
    if predicted.ndim == 1:
        sure, right = predicted.astype(np.float64), truth == 1
    else:
        sure, right = normal(predicted).max(axis=1), predicted.argmax(axis=1) == truth
    bins = np.clip((sure * _BINS).astype(np.int64), 0, _BINS - 1)
    rows, said, true = (np.bincount(bins, values, minlength=_BINS) for values in (np.ones(len(bins)), sure, right))
    return [
        {
            "said": round(float(said[at] / rows[at]), 6),
            "true": round(float(true[at] / rows[at]), 6),
            "rows": int(rows[at]),
        }
        for at in np.flatnonzero(rows)
    ]


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
    Task.BINARY: {"roc": roc, "precision_recall": precision_recall, "calibration": calibration},
    Task.MULTICLASS: {"calibration": calibration},
    Task.REGRESSION: {"residuals": residuals},
    Task.QUANTILE: {"quantiles": quantiles},
    Task.FORECASTING: {"horizon": errors_by_step},
}
_HAVE_CONFUSION = frozenset({Task.BINARY, Task.MULTICLASS})
