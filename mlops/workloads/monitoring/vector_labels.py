"""Bring late labels of predictions of several numbers into arrays.

Lives here: VectorLabels, for the tasks `multilabel`, `quantile` and `forecasting`.
Not here: reading labels (label_values), joining them with predictions (labels), keeping both (label_store).
Law: pairs of an older model are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlops.metrics.task import Task
from mlops.workloads.label_values import is_number


class VectorLabels:
    """Brings pairs into arrays. `names`: what the numbers of a prediction stand for."""

    def __init__(self, task: Task, names: list[Any]) -> None:
        self._task, self._names = task, names

    def arrays(self, pairs: list[tuple[Any, Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return truth and predictions as metrics take them. Pairs of an older model with other names are left out."""
        from mlops.workloads.metrics.truth import as_measured

        fitting = [pair for pair in pairs if self._fits(*pair)]
        predicted = np.array([value for value, _ in fitting], dtype=np.float64)
        truth = np.array([label for _, label in fitting], dtype=np.float64)
        return as_measured(self._task, truth, self._names) if len(truth) else truth, predicted

    def _fits(self, value: Any, label: Any) -> bool:
        if not _are_numbers(value, len(self._names)):
            return False
        return is_number(label) if self._task is Task.QUANTILE else _are_numbers(label, len(self._names))


def _are_numbers(values: Any, count: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(map(is_number, values))
