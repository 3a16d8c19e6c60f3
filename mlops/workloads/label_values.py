"""Read late labels as the contract of a model types them.

Lives here: LabelValues (the labels of one request's rows), LabelError, request_id (which texts are ids), is_number.
Not here: receiving labels (serving.feedback), keeping them (monitoring.label_store).
Law: a label is judged by the same rules when it arrives and when it is kept. Imports nothing heavy: the server ships it.
"""

from __future__ import annotations

import json
import math
from typing import Any

from mlops.workloads.vector_answer import VECTORS

_UNLABELLED = frozenset({"clustering", "reduction"})
_FORBIDDEN = frozenset('"\\')


class LabelError(ValueError):
    """A label does not fit. The message is a sentence without a full stop that follows the label's id."""


def request_id(given: Any) -> str:
    """Return an id as the `x-request-id` of an answer spells it. Raises LabelError for what no answer can have."""
    name = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not name:
        raise LabelError("its id is no text; send the x-request-id of the answer")
    if not name.isascii() or not name.isprintable() or _FORBIDDEN & set(name):
        raise LabelError(
            "its id is no x-request-id of an answer: those are printable ASCII without quotes and backslashes"
        )
    return name


class LabelValues:
    """Reads labels. `contract`: contract.json."""

    def __init__(self, contract: dict[str, Any]) -> None:
        self._task: str = str(contract["task"])
        self._names: list[Any] = contract.get("classes") or []

    def read(self, given: Any) -> list[Any]:
        """Return the labels of the rows of a request as they are kept: classes, the text of one of several, numbers, or lists of
        numbers; None for a row of several whose label is not known yet. Raises LabelError."""
        rows = self._rows(given)
        if not rows:
            raise LabelError("it has no label")
        if len(rows) > 1 and any(row is not None for row in rows):
            return [None if row is None else self._typed(row) for row in rows]
        return [self._typed(row) for row in rows]

    def _rows(self, given: Any) -> list[Any]:
        """One forecast is a list of numbers, several are a list of lists."""
        if not isinstance(given, list):
            return [given]
        is_one = self._task == "forecasting" and not any(isinstance(one, list) for one in given)
        return [given] if is_one else given

    def _typed(self, label: Any) -> Any:
        """A class that the model does not know is a label of several classes all the same: whatever was predicted was wrong."""
        if self._task in VECTORS:
            return self._vector(label)
        if self._task in _UNLABELLED:
            raise LabelError(f"the task is {self._task}, which predicts nothing that a label could say otherwise")
        if self._task == "regression":
            return self._number(label)
        for name in self._names:
            same_text = str(label).lower() == str(name).lower() if isinstance(name, bool) else str(label) == str(name)
            if label == name or same_text:
                return str(name) if self._task == "multiclass" else name
        if self._task == "multiclass" and any(_same_type(label, name) for name in self._names):
            return str(label)
        known = ", ".join(json.dumps(name, ensure_ascii=False) for name in self._names[:10])
        raise LabelError(f"the label {label_text(label)} is none of the classes {known}")

    def _vector(self, label: Any) -> Any:
        names = self._names
        match self._task:
            case "multilabel":
                if not isinstance(label, dict) or {*label} != {*names}:
                    raise LabelError(
                        f"the label {label_text(label)} is no mapping from each of {', '.join(names)} to 0 or 1"
                    )
                values = [label[name] for name in names]
                if any(value not in (0, 1) for value in values):
                    raise LabelError(
                        f"the label {label_text(label)} holds something else than 0 and 1, or true and false"
                    )
                return [int(value) for value in values]
            case "forecasting":
                if not isinstance(label, list) or len(label) != len(names) or not all(map(is_number, label)):
                    raise LabelError(
                        f"the label {label_text(label)} is no list of {len(names)} numbers, one for each step ahead"
                    )
                return [float(value) for value in label]
            case _:
                return self._number(label)

    def _number(self, label: Any) -> float:
        if not is_number(label):
            raise LabelError(f"the label {label_text(label)} is no number")
        return float(label)


def label_text(label: Any) -> str:
    """Return a label as a message shows it."""
    return json.dumps(label)[:60]


def is_number(value: Any) -> bool:
    """Say whether a value is a finite number."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False  # a whole number beyond what a float holds


def _same_type(label: Any, name: Any) -> bool:
    """Whether a label could be a class of the same kind as `name`; a whole number may be written as a text."""
    if isinstance(name, str):
        return isinstance(label, str)
    if isinstance(name, bool):
        return isinstance(label, bool)
    if isinstance(label, str):
        return label.lstrip("-").isdigit()
    return is_number(label) and float(label).is_integer()
