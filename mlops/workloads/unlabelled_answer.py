"""Write predictions of models that learned from no label as JSON, and read them back.

Lives here: UnlabelledRow, the row of an answer for the tasks `clustering`, `anomaly` and `reduction`, and what of it is compared
over time.
Not here: one number and classes (serving.answer), several named numbers (vector_answer).
Law: what a row says can be read back; a prediction that is None is a row of the same keys, all null. Imports nothing heavy.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

UNLABELLED = frozenset({"clustering", "anomaly", "reduction"})
_NUMBER = {"type": ["number", "null"]}


class UnlabelledRow:
    """Writes and reads one row. `threshold`: from which score a row is flagged."""

    def __init__(self, contract: dict[str, Any], threshold: float) -> None:
        self._task = contract["task"]
        self._threshold = threshold
        output = contract["outputs"][0]
        self._output: str = output["name"]
        self._count: int = output["shape"][1] if self._task != "anomaly" else 1
        self._is_distance = self._output == "distances"

    def write(self, prediction: Any) -> bytes:
        """Return the row of one prediction; None: it is no finite number."""
        return json.dumps(self._row(prediction), separators=(",", ":")).encode()

    def _row(self, prediction: Any) -> dict[str, Any]:
        if self._task == "anomaly":
            flagged = None if prediction is None else prediction >= self._threshold
            return {self._output: _rounded(prediction), "flagged": flagged}
        values = [None] * self._count if prediction is None else [_rounded(value) for value in prediction]
        if self._task == "reduction":
            return {self._output: values}
        return {"cluster": self._cluster(prediction), self._output: values}

    def _cluster(self, prediction: Sequence[float] | None) -> int | None:
        if prediction is None:
            return None
        choose = min if self._is_distance else max
        return choose(range(len(prediction)), key=prediction.__getitem__)

    def read(self, row: dict[str, Any]) -> Any:
        """Return what the model gave: a number, or a list of them; None for what is not there."""
        given = row.get(self._output)
        if self._task == "anomaly":
            return given
        return given if isinstance(given, list) and len(given) == self._count else [None] * self._count

    @property
    def kinds(self) -> dict[str, str]:
        """Name what is compared over time -> "number" or "text": the score, the cluster, or each component by its number."""
        match self._task:
            case "anomaly":
                return {"": "number"}
            case "clustering":
                return {"": "text"}
            case _:
                return {str(place): "number" for place in range(self._count)}

    def compared(self, values: Any) -> dict[str, Any]:
        """Return the values of `kinds`. `values`: what the model gave for one row."""
        if self._task == "anomaly":
            return {"": values}
        known = values if all(isinstance(value, int | float) for value in values) else None
        if self._task == "clustering":
            cluster = self._cluster(known)
            return {"": None if cluster is None else str(cluster)}
        return {str(place): None if known is None else known[place] for place in range(self._count)}

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a row."""
        if self._task == "anomaly":
            score = {**_NUMBER, "minimum": 0, "maximum": 1}
            return {"type": "object", "properties": {self._output: score, "flagged": {"type": ["boolean", "null"]}}}
        numbers = {"type": "array", "items": _NUMBER, "minItems": self._count, "maxItems": self._count}
        if self._task == "reduction":
            return {"type": "object", "properties": {self._output: numbers}}
        cluster = {"type": ["integer", "null"], "minimum": 0, "maximum": self._count - 1}
        return {"type": "object", "properties": {"cluster": cluster, self._output: numbers}}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.9g}")
