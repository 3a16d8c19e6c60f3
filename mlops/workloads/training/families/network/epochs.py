"""Compare the epochs of a training.

Lives here: EpochMetrics, what is measured after each epoch, and Epochs, which of them is the best so far.
Not here: computing a metric (workloads.metrics), training (learner).
Law: of equal values, the one with the lower loss of validation is better, then the earlier one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mlops.config.schema.training import EarlyStopping
from mlops.metrics.metric import Direction, Metric
from mlops.metrics.table import direction_of, headline_of, metric_named
from mlops.metrics.task import Task
from mlops.workloads.metrics.measure import compute
from mlops.workloads.metrics.weighted import Array

EPOCH_LOSSES = ("val_loss", "train_loss")
_KEPT = ("history", "best", "waited", "reference", "weights")


@dataclass(frozen=True)
class EpochMetrics:
    """Is what each epoch measures on the validation split. `truth`: its labels, as metrics take them. `monitor`: the name of the value by which
    epochs are compared."""

    truth: Array
    metrics: tuple[Metric, ...]
    monitor: str

    @classmethod
    def of(cls, task: Task, truth: Array, outputs: int, stopping: EarlyStopping | None) -> EpochMetrics:
        """Take the first metric of the task, and the one that is monitored. `outputs`: of the network, for each row."""
        headline = headline_of(task)
        named = stopping.monitor if stopping and stopping.monitor else None
        wanted = [headline] if headline else []
        if named and named not in EPOCH_LOSSES and named != f"val_{headline.name if headline else ''}":
            wanted.append(metric_named(named.partition("_")[2]))
        even = np.full((len(truth), outputs) if outputs > 1 or task.is_vector else len(truth), 1 / max(2, outputs))
        metrics = tuple(one for one in wanted if len(truth) and math.isfinite(compute(one, truth, even)))
        names = [f"val_{metric.name}" for metric in metrics]
        known = (*names, *EPOCH_LOSSES) if len(truth) else ("train_loss",)
        return cls(truth, metrics, named if named in known else known[0])

    def measure(self, predicted: Array) -> dict[str, float]:
        return {f"val_{metric.name}": compute(metric, self.truth, predicted) for metric in self.metrics}


@dataclass
class Epochs:
    """Remembers what the epochs measured, and the weights of the best.

    `history`: a row for each epoch. `best`: the number of the best, from 0. `waited`: epochs since a value was better by
    `min_delta`. `weights`: of the best epoch.
    """

    monitor: str
    min_delta: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best: int = 0
    waited: int = 0
    reference: float = math.nan
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def add(self, measured: dict[str, float]) -> bool:
        """Remember an epoch, and return whether it is the best so far."""
        value, _ = key = self._order(measured)
        is_best = not self.history or key < self._order(self.history[self.best])
        if math.isnan(self.reference) or value < self.reference - self.min_delta:
            self.reference, self.waited = value, 0
        else:
            self.waited += 1
        self.history.append(measured)
        if is_best:
            self.best = len(self.history) - 1
        return is_best

    def ranked(self) -> list[int]:
        """Return the numbers of all epochs, the best first."""
        return sorted(range(len(self.history)), key=lambda number: (self._order(self.history[number]), number))

    def _order(self, measured: dict[str, float]) -> tuple[float, float]:
        """Return the monitored value so that less is better, infinity where it is no number, and the loss of validation."""
        value = measured[self.monitor]
        if not math.isfinite(value):
            value = math.inf
        elif direction_of(self.monitor) is Direction.MAX:
            value = -value
        return value, measured.get("val_loss", 0.0)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {name: getattr(self, name) for name in _KEPT}

    def restore(self, state: Mapping[str, Any]) -> None:
        for name in _KEPT:
            setattr(self, name, state[name])
