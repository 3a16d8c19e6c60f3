"""Ask the model again.

Lives here: answers_of, which asks a model, and AnswerCheck, which asks it for some rows of a window and compares.
Not here: what is compared of predictions otherwise (tally).
Law: asked with the same row, the model that was trained gives what the endpoint answered; rounding is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa

from mlops.workloads.features.columns import to_input

MODEL_FILE = "model.onnx"
"""The model's file in the folder of the baseline."""
_ROWS = 2_000
_EACH = 100
_ROUNDING = 1e-3
_PLAIN = {"int": pa.float64(), "float": pa.float64(), "bool": pa.float64(), "string": pa.string()}

Compared = Callable[[list[Any]], dict[str, list[Any]]]


def answers_of(model: Path, inputs: Mapping[str, Any]) -> list[Any]:
    """Return what a model says of rows, as plain lists, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    answered: list[Any] = session.run(None, inputs)[0].tolist()
    return answered


class AnswerCheck:
    """Keeps some rows of a window with their answers. `types`: of the contract. `compared`: column -> what is compared."""

    def __init__(self, model: Path, types: Mapping[str, str], compared: Compared) -> None:
        self._model, self._types, self._compared = model, types, compared
        self._rows: list[Mapping[str, Any]] = []
        self._answers: list[Mapping[str, Any]] = []
        self._met = 0

    @property
    def is_possible(self) -> bool:
        return self._model.exists() and set(self._types.values()) <= {*_PLAIN}

    def add(self, row: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Keep a row, or leave it out: the first hundred, and then one of so many that few thousand are kept."""
        self._met += 1
        if len(self._rows) < _ROWS and self._met % (1 + len(self._rows) // _EACH) == 0:
            self._rows.append(row)
            self._answers.append(answer)

    def shares(self) -> dict[str, float]:
        """Return column -> share of the kept rows that were answered otherwise than the model answers."""
        if not self._rows:
            return {}
        inputs = {
            name: to_input(pa.chunked_array([_typed([row.get(name) for row in self._rows], kind)]), kind)
            for name, kind in self._types.items()
        }
        found = {}
        for name, expected in self._compared(answers_of(self._model, inputs)).items():
            pairs = [(answer.get(name), wanted) for answer, wanted in zip(self._answers, expected, strict=True)]
            found[name] = sum(_differ(*pair) for pair in pairs) / len(pairs)
        return found


def _typed(values: list[Any], kind: str) -> pa.Array:
    if kind == "string":
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array([_number(value) for value in values], pa.float64())


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _differ(answered: Any, expected: Any) -> bool:
    if isinstance(expected, float | int) and isinstance(answered, float | int):
        return not np.isclose(answered, expected, rtol=_ROUNDING, atol=1e-6)
    return str(answered) != str(expected)
