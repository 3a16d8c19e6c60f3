"""Measure with late labels.

Lives here: Labels, which joins feedback with predictions and measures.
Not here: comparing columns (drift), which metrics tell that a model became worse (metrics).
Law: a metric is given with the number of labelled rows it stands on, and not at all below a few hundred.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any

import numpy as np

from mlops.metrics.metric import MEASURED_SPLITS
from mlops.metrics.table import drift_metrics_of
from mlops.metrics.task import Task

FEWEST = 200
"""Labelled rows below which nothing is measured."""
_REMEMBERED = 200_000
_WINDOW = 5_000


class Labels:
    """Joins late labels with what was predicted. `path`: where labelled pairs are kept over a restart."""

    def __init__(self, contract: dict[str, Any], path: Path) -> None:
        self._contract = contract
        self._task = Task(contract["task"])
        self._path = path
        self._seen: OrderedDict[str, list[Any]] = OrderedDict()
        self._pairs: deque[list[Any]] = deque(maxlen=_WINDOW)
        try:
            self._pairs.extend(json.loads(path.read_text()))
        except (OSError, ValueError):
            pass

    def predicted(self, request_id: str, values: list[Any]) -> None:
        """Remember what was predicted."""
        self._seen[request_id] = values
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def add(self, feedback: dict[str, Any]) -> None:
        """Join a late label with its prediction, where that is remembered."""
        values = self._seen.get(str(feedback.get("id")))
        labels = feedback.get("label")
        labels = labels if isinstance(labels, list) else [labels]
        if values is not None and len(values) == len(labels):
            self._pairs.extend([value, label] for value, label in zip(values, labels, strict=True))

    def keep(self) -> None:
        """Write the labelled pairs down."""
        temporary = self._path.with_suffix(".part")
        temporary.write_text(json.dumps(list(self._pairs)))
        temporary.replace(self._path)

    def measure(self) -> dict[str, float]:
        """Return {"rows": n} and, from enough rows, the metrics by which a model of the task becomes worse."""
        live: dict[str, float] = {"rows": float(len(self._pairs))}
        if len(self._pairs) < FEWEST:
            return live
        from mlops.workloads.measuring import compute

        truth, predicted = self._arrays()
        for metric in drift_metrics_of(self._task) if len(truth) else ():
            value = compute(metric, truth, predicted)
            if math.isfinite(value):
                live[metric.name] = value
        return {name: round(value, 4) for name, value in live.items()}

    def _arrays(self) -> tuple[Any, Any]:
        """Return truth and predictions as metrics take them; of several classes, the one that was chosen has probability 1."""
        values, labels = zip(*self._pairs, strict=True)
        match self._task:
            case Task.BINARY:
                return np.array([float(label == self._contract["classes"][1]) for label in labels]), np.array(values)
            case Task.MULTICLASS:
                places = {str(name): index for index, name in enumerate(self._contract["classes"])}
                chosen = np.array([places.get(str(value), -1) for value in values])
                truth = np.array([places.get(str(label), -1) for label in labels])
                known = chosen >= 0  # pairs are kept over a restart, and may be of an older model's classes
                return truth[known], np.eye(len(places))[chosen[known]]
            case Task.REGRESSION:
                return np.array([float(label) for label in labels]), np.array([float(value) for value in values])

    def worse(self, live: dict[str, float], training: dict[str, Any]) -> str | None:
        """Return the metric that is worse than at training by more than chance and habit allow."""
        for metric in drift_metrics_of(self._task):
            before = training.get(f"{MEASURED_SPLITS[0]}_{metric.name}")
            now = live.get(metric.name)
            if now is not None and before is not None and metric.is_worse(self._task, before=before, now=now):
                return metric.name
        return None
