"""Measure predictions.

Lives here: measure and curves, with scikit-learn.
Not here: judging them (kinds).
Law: every number that is written is finite; a metric that cannot be computed for a slice is left out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sk

from mlops.workloads.training.task import Task

Array = npt.NDArray[Any]
_DIGITS = 10
_POINTS = 100


def measure(task: Task, truth: Array, predicted: Array) -> dict[str, float]:
    """`truth`: 0/1, class numbers or values. `predicted`: `[N]`, or `[N, K]` for classes."""
    match task:
        case "binary":
            told = _binary(truth, predicted)
        case "multiclass":
            told = _multiclass(truth, predicted)
        case "regression":
            told = {
                "rmse": math.sqrt(sk.mean_squared_error(truth, predicted)),
                "mae": sk.mean_absolute_error(truth, predicted),
                "r2": sk.r2_score(truth, predicted) if len(truth) > 1 else math.nan,
            }
    return {name: round(float(value), _DIGITS) for name, value in told.items() if math.isfinite(value)}


def _binary(truth: Array, predicted: Array) -> dict[str, float]:
    both = len(np.unique(truth)) == 2
    clipped = np.clip(predicted.astype(np.float64), 1e-7, 1 - 1e-7)
    return {
        "auc": sk.roc_auc_score(truth, predicted) if both else math.nan,
        "average_precision": sk.average_precision_score(truth, predicted) if both else math.nan,
        "accuracy": sk.accuracy_score(truth, predicted >= 0.5),
        "log_loss": sk.log_loss(truth, clipped, labels=[0, 1]),
        "brier": float(np.mean((predicted - truth) ** 2)),
        "positive_rate": float(np.mean(predicted >= 0.5)),
    }


def _multiclass(truth: Array, predicted: Array) -> dict[str, float]:
    classes = np.arange(predicted.shape[1])
    chosen = predicted.argmax(axis=1)
    all_there = len(np.unique(truth)) == len(classes)
    normal = predicted.astype(np.float64)
    normal = normal / normal.sum(axis=1, keepdims=True)
    return {
        "accuracy": sk.accuracy_score(truth, chosen),
        "macro_f1": sk.f1_score(truth, chosen, average="macro", zero_division=0.0),
        "log_loss": sk.log_loss(truth, np.clip(normal, 1e-12, 1), labels=classes),
        "auc_ovr": sk.roc_auc_score(truth, normal, multi_class="ovr") if all_there else math.nan,
    }


def curves(task: Task, truth: Array, predicted: Array) -> dict[str, list[dict[str, float]]]:
    """By plot's name: its points, as DVC draws them; at most a hundred each."""
    if task == "binary" and len(np.unique(truth)) == 2:
        fpr, tpr, _ = sk.roc_curve(truth, predicted)
        precision, recall, _ = sk.precision_recall_curve(truth, predicted)
        return {
            "roc": _points("fpr", fpr, "tpr", tpr),
            "precision_recall": _points("recall", recall, "precision", precision),
        }
    if task == "regression":
        chosen = np.linspace(0, len(truth) - 1, min(len(truth), _POINTS)).astype(int)
        return {"residuals": _points("predicted", predicted[chosen], "residual", (truth - predicted)[chosen])}
    return {}


def _points(x_name: str, x: Array, y_name: str, y: Array) -> list[dict[str, float]]:
    chosen = np.linspace(0, len(x) - 1, min(len(x), _POINTS)).astype(int)
    return [{x_name: round(float(x[i]), 6), y_name: round(float(y[i]), 6)} for i in chosen]
