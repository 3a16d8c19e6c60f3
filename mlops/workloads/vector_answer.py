"""Write predictions of several named numbers as JSON, and read them back.

Lives here: label_columns; VectorRow, the row of an answer for the tasks `multilabel`, `quantile` and `forecasting`, and what of it is
compared over time.
Not here: one number and classes (answer).
Law: what a row says can be read back; a prediction that is None is a row of the same keys, all null. Imports nothing heavy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

VECTORS = frozenset({"multilabel", "quantile", "forecasting"})
"""The tasks whose predictions are a number for each of the contract's `classes`."""


def label_columns(contract: dict[str, Any]) -> tuple[str, ...]:
    """Return the columns that a model predicts."""
    label = contract["label"]
    return (label,) if isinstance(label, str) else tuple(label or ())


class VectorRow:
    """Writes and reads one row. `threshold`: from which probability a label is true."""

    def __init__(self, contract: dict[str, Any], threshold: float) -> None:
        self._task = contract["task"]
        self._threshold = threshold
        label = contract["label"]
        self._label = label if isinstance(label, str) else ""
        self._names = [name if isinstance(name, str) else f"{name:g}" for name in contract["classes"]]
        levels = contract["classes"] if self._task == "quantile" else ()
        self._middle = min(range(len(levels)), key=lambda index: abs(levels[index] - 0.5)) if levels else 0
        """Which quantile stands for the number itself: the one nearest to the median."""

    def write(self, prediction: Sequence[float] | None) -> bytes:
        """Return the row of one prediction; None: it is no finite number."""
        values: Sequence[float | None] = [None] * len(self._names) if prediction is None else prediction
        return json.dumps(self._row(values), ensure_ascii=False, separators=(",", ":")).encode()

    def _row(self, values: Sequence[float | None]) -> dict[str, Any]:
        rounded = [None if value is None else float(f"{value:.9g}") for value in values]
        match self._task:
            case "multilabel":
                chosen = [None if value is None else value >= self._threshold for value in values]
                labels = dict(zip(self._names, chosen, strict=True))
                return {**labels, "probabilities": dict(zip(self._names, rounded, strict=True))}
            case "quantile":
                return {
                    self._label: rounded[self._middle],
                    "quantiles": dict(zip(self._names, rounded, strict=True)),
                }
            case _:
                return {self._label: rounded}

    def read(self, row: dict[str, Any]) -> list[Any]:
        """Return the numbers of one row; None for those that are not there."""
        match self._task:
            case "multilabel" | "quantile":
                given = row.get("probabilities" if self._task == "multilabel" else "quantiles")
                return [(given if isinstance(given, dict) else {}).get(name) for name in self._names]
            case _:
                values = row.get(self._label)
                return values if isinstance(values, list) else [None] * len(self._names)

    def summary(self, values: Sequence[float | None]) -> float | None:
        """Return the one number that predictions are compared by over time: how many labels are to be expected, the quantile
        nearest to the median, or the mean of the steps ahead."""
        known = [value for value in values if isinstance(value, int | float)]
        if not known or len(known) < len(self._names):
            return None
        match self._task:
            case "multilabel":
                return float(sum(known))
            case "quantile":
                return float(known[self._middle])
            case _:
                return float(sum(known) / len(known))

    @property
    def kinds(self) -> dict[str, str]:
        """Name what is compared over time -> how."""
        return {"": "number"}

    def compared(self, values: Sequence[float | None]) -> dict[str, Any]:
        """Return the values of `kinds`."""
        return {"": self.summary(values)}

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a row."""
        numbers = {"type": "object", "properties": {name: {"type": ["number", "null"]} for name in self._names}}
        match self._task:
            case "multilabel":
                labels: dict[str, Any] = {name: {"type": ["boolean", "null"]} for name in self._names}
                return {"type": "object", "properties": {**labels, "probabilities": numbers}}
            case "quantile":
                return {
                    "type": "object",
                    "properties": {self._label: {"type": ["number", "null"]}, "quantiles": numbers},
                }
            case _:
                steps = {"type": "array", "items": {"type": ["number", "null"]}, "maxItems": len(self._names)}
                return {"type": "object", "properties": {self._label: {**steps, "minItems": len(self._names)}}}
