"""Bring predictions and their labels into arrays.

Lives here: arrays_of; misses_of, which counts what was predicted wrongly, and dispersion_of, how much that varies.
Not here: keeping pairs (label_store), reading labels (label_values), metrics (workloads.metrics).
Law: pairs of an older model, of another task or of other classes, are left out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlops.metrics.task import Task
from mlops.workloads.label_values import is_number
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.monitoring.vector_labels import VectorLabels

Pairs = list[tuple[Any, Any]]
RANKED = (Task.BINARY, Task.ANOMALY)
BLOCK = 200
"""Rows that are of one time."""
_LENGTHS = (1, 4, 16)
_FEWEST_GROUPS = 10


def arrays_of(contract: dict[str, Any], pairs: Pairs) -> tuple[Array, Array]:
    """Return truth and predictions as metrics take them; of several classes, the one that was chosen has probability 1."""
    task = Task(contract["task"])
    if task.is_vector:
        return VectorLabels(task, contract["classes"]).arrays(pairs)
    if task is Task.MULTICLASS:
        places = {str(name): index for index, name in enumerate(contract["classes"])}
        chosen = np.array([places.get(str(value), -1) for value, _ in pairs], dtype=np.int64)
        truth = np.array([places.get(str(label), -1) for _, label in pairs], dtype=np.int64)
        known = chosen >= 0
        return truth[known], np.eye(len(places))[chosen[known]]
    classes = contract.get("classes") or []
    numbers = [
        (value, label)
        for value, label in pairs
        if is_number(value) and (label in classes if task in RANKED else is_number(label))
    ]
    predicted = np.array([float(value) for value, _ in numbers])
    if task is Task.ANOMALY:
        return np.array([(float(label == classes[1]), math.nan) for _, label in numbers]), predicted
    if task is Task.BINARY:
        return np.array([float(label == classes[1]) for _, label in numbers]), predicted
    return np.array([float(label) for _, label in numbers]), predicted


def misses_of(task: Task, truth: Array, predicted: Array, limit: float | None) -> tuple[float, float]:
    """Return misses and trials of rows in their order. `limit`: the loss above which a row is a miss, where the task has no classes.

    Of two classes, the first row of one is held against the first of the other, and so on, in each block of rows: each row is in
    one pair at most, and pairs are of one time, because rows of other times are easier to tell apart. The share in the wrong
    order is 1 - AUC of such rows. A tie is half a miss.
    """
    counted = blocks_of_misses(task, truth, predicted, limit)
    return sum(one[0] for one in counted), sum(one[1] for one in counted)


def blocks_of_misses(task: Task, truth: Array, predicted: Array, limit: float | None) -> list[tuple[float, float]]:
    """Return the same of each block."""
    starts = range(0, len(truth), BLOCK)
    return [_misses(task, truth[at : at + BLOCK], predicted[at : at + BLOCK], limit) for at in starts]


def _misses(task: Task, truth: Array, predicted: Array, limit: float | None) -> tuple[float, float]:
    if task in RANKED:
        is_second = (truth if truth.ndim == 1 else truth[:, 0]) == 1
        seconds, firsts = predicted[is_second], predicted[~is_second]
        count = min(len(seconds), len(firsts))
        seconds, firsts = seconds[:count], firsts[:count]
        return float((firsts > seconds).sum() + (firsts == seconds).sum() / 2), float(count)
    if task is Task.MULTICLASS:
        return float((predicted.argmax(axis=1) != truth).sum()), float(len(truth))
    losses = pair_losses(task, truth, predicted)
    return (float((losses > limit).sum()), float(len(losses))) if limit is not None else (0.0, 0.0)


def dispersion_of(blocks: list[tuple[float, float]]) -> float:
    """Return how much more the misses of neighbouring blocks, together, vary than by chance; 1 where they do not.

    Pearson's statistic of counts (McCullagh and Nelder, Generalized Linear Models, 1989, 4.5), the largest over lengths of time.
    """
    counts = np.array(blocks, dtype=np.float64).reshape(-1, 2)
    share = counts[:, 0].sum() / max(counts[:, 1].sum(), 1)
    found = 1.0
    for length in _LENGTHS:
        groups = counts[: len(counts) // length * length].reshape(-1, length, 2).sum(axis=1)
        groups = groups[groups[:, 1] > 0]
        if len(groups) >= _FEWEST_GROUPS and 0 < share < 1:
            beyond = (groups[:, 0] - share * groups[:, 1]) ** 2 / (groups[:, 1] * share * (1 - share))
            found = max(found, float(beyond.sum()) / (len(groups) - 1))
    return found


def pair_losses(task: Task, truth: Array, predicted: Array) -> Array:
    """Return how wrong each row is: the absolute error, in the mean over the numbers of a row; of quantiles the pinball loss."""
    if task is Task.QUANTILE:
        error, levels = truth[:, :1] - predicted, truth[:, 1:]
        return np.asarray(np.maximum(levels * error, (levels - 1) * error).mean(axis=1))
    if predicted.ndim == 2:
        return np.asarray(np.abs(truth[:, : predicted.shape[1]] - predicted).mean(axis=1))
    return np.asarray(np.abs(truth - predicted))
