"""Measure predictions.

Lives here: measure, compute, the functions that the built-in metrics name, and curves; with scikit-learn.
Not here: which metrics there are (mlops.metrics), judging them (kinds).
Law: every number that is written is finite; a metric that cannot be computed for a slice is left out.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sk

from mlops.metrics.metric import Metric
from mlops.metrics.table import metrics_of
from mlops.metrics.task import Task
from mlops.workloads import measuring_vectors
from mlops.workloads.stage import failed

Array = npt.NDArray[Any]
Compute = Callable[[Array, Array], float]
_DIGITS = 10
_POINTS = 100


def measure(task: Task, truth: Array, predicted: Array, *, split: str = "test") -> dict[str, float]:
    """Return metric -> value. `truth`: 0/1, class numbers or values. `predicted`: `[N]`, or `[N, K]` for classes."""
    values = {metric.name: compute(metric, truth, predicted) for metric in metrics_of(task) if split in metric.splits}
    return {name: round(value, _DIGITS) for name, value in values.items() if math.isfinite(value)}


def compute(metric: Metric, truth: Array, predicted: Array) -> float:
    """Return one metric, NaN where it cannot be computed. Raises MlopsError where its function is not there."""
    return float(_function(metric.name, metric.compute)(truth, predicted))


@cache
def _function(name: str, path: str) -> Compute:
    module, _, function = path.partition(":")
    try:
        found: Compute = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise failed(
            "metric cannot be computed",
            f"The metric {name} is computed by `{path}`, which cannot be imported: {error}. Correct or uninstall the "
            "package that brings it.",
        ) from error
    return found


def auc(truth: Array, predicted: Array) -> float:
    return float(sk.roc_auc_score(truth, predicted)) if _has_both(truth) else math.nan


def average_precision(truth: Array, predicted: Array) -> float:
    return float(sk.average_precision_score(truth, predicted)) if _has_both(truth) else math.nan


def accuracy(truth: Array, predicted: Array) -> float:
    return float(sk.accuracy_score(truth, predicted >= 0.5 if predicted.ndim == 1 else predicted.argmax(axis=1)))


def log_loss(truth: Array, predicted: Array) -> float:
    if predicted.ndim == 1:
        return float(sk.log_loss(truth, np.clip(predicted.astype(np.float64), 1e-7, 1 - 1e-7), labels=[0, 1]))
    return float(sk.log_loss(truth, np.clip(_normal(predicted), 1e-12, 1), labels=np.arange(predicted.shape[1])))


def brier(truth: Array, predicted: Array) -> float:
    return float(np.mean((predicted - truth) ** 2))


def positive_rate(truth: Array, predicted: Array) -> float:
    return float(np.mean(predicted >= 0.5))


def macro_f1(truth: Array, predicted: Array) -> float:
    if truth.ndim == 2:
        return measuring_vectors.macro_f1(truth, predicted)
    return float(sk.f1_score(truth, predicted.argmax(axis=1), average="macro", zero_division=0.0))


def auc_ovr(truth: Array, predicted: Array) -> float:
    if len(np.unique(truth)) != predicted.shape[1]:
        return math.nan
    return float(sk.roc_auc_score(truth, _normal(predicted), multi_class="ovr"))


def rmse(truth: Array, predicted: Array) -> float:
    return math.sqrt(sk.mean_squared_error(_values(truth, predicted), predicted))


def mae(truth: Array, predicted: Array) -> float:
    return float(sk.mean_absolute_error(_values(truth, predicted), predicted))


def r2(truth: Array, predicted: Array) -> float:
    return float(sk.r2_score(truth, predicted)) if len(truth) > 1 else math.nan


def _values(truth: Array, predicted: Array) -> Array:
    return truth if truth.ndim == 1 else measuring_vectors.values_of(truth, predicted)


def _has_both(truth: Array) -> bool:
    return len(np.unique(truth)) == 2


def _normal(predicted: Array) -> Array:
    """Probabilities whose sum is 1 in double precision."""
    double = predicted.astype(np.float64)
    normal: Array = double / double.sum(axis=1, keepdims=True)
    return normal


def curves(task: Task, truth: Array, predicted: Array) -> dict[str, list[dict[str, float]]]:
    """Return plot's name -> its points, as DVC draws them; at most a hundred each."""
    if task is Task.BINARY and _has_both(truth):
        fpr, tpr, _ = sk.roc_curve(truth, predicted)
        precision, recall, _ = sk.precision_recall_curve(truth, predicted)
        return {
            "roc": _points("fpr", fpr, "tpr", tpr),
            "precision_recall": _points("recall", recall, "precision", precision),
        }
    if task is Task.REGRESSION:
        chosen = np.linspace(0, len(truth) - 1, min(len(truth), _POINTS)).astype(int)
        return {"residuals": _points("predicted", predicted[chosen], "residual", (truth - predicted)[chosen])}
    return {}


def _points(x_name: str, x: Array, y_name: str, y: Array) -> list[dict[str, float]]:
    chosen = np.linspace(0, len(x) - 1, min(len(x), _POINTS)).astype(int)
    return [{x_name: round(float(x[i]), 6), y_name: round(float(y[i]), 6)} for i in chosen]
