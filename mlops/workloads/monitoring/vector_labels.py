"""Read late labels of predictions of several numbers.

Lives here: VectorLabels, for the tasks `multilabel`, `quantile` and `forecasting`.
Not here: joining labels with predictions (labels), keeping both (label_store).
Law: a label is kept as plain numbers, and is refused in a sentence where it does not fit.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops.metrics.task import Task


class LabelError(ValueError):
    """A label does not fit. The message is a sentence without a full stop that follows the label's id."""


class VectorLabels:
    """Types labels, and brings pairs into arrays. `names`: what the numbers of a prediction stand for."""

    def __init__(self, task: Task, names: list[Any]) -> None:
        self._task, self._names = task, names

    def rows(self, given: Any) -> list[Any]:
        """Return the labels of the rows of a request. One forecast is a list of numbers, several a list of lists."""
        if (
            self._task is Task.FORECASTING
            and isinstance(given, list)
            and not any(isinstance(one, list) for one in given)
        ):
            return [given]
        return given if isinstance(given, list) else [given]

    def typed(self, label: Any) -> Any:
        """Return a label as it is kept: a number, or a list of numbers. Raises LabelError."""
        shown = json.dumps(label)[:60]
        match self._task:
            case Task.MULTILABEL:
                if not isinstance(label, dict) or {*label} != {*self._names}:
                    raise LabelError(f"the label {shown} is no mapping from each of {', '.join(self._names)} to 0 or 1")
                values = [label[name] for name in self._names]
                if any(value not in (0, 1) for value in values):
                    raise LabelError(f"the label {shown} holds something else than 0 and 1, or true and false")
                return [int(value) for value in values]
            case Task.FORECASTING:
                if not isinstance(label, list) or len(label) != len(self._names) or not all(map(is_number, label)):
                    raise LabelError(
                        f"the label {shown} is no list of {len(self._names)} numbers, one for each step ahead"
                    )
                return [float(value) for value in label]
            case _:
                if not is_number(label):
                    raise LabelError(f"the label {shown} is no number")
                return float(label)

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


def is_number(value: Any) -> bool:
    """Say whether a value is a finite number."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False  # a whole number beyond what a float holds


def _are_numbers(values: Any, count: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(map(is_number, values))
