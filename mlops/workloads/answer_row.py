"""Find how one row of an answer is written.

Lives here: AnswerRow, and answer_row, which returns that of a task whose row is more than a number or a class.
Not here: the rows (vector_answer, unlabelled_answer), whole answers (serving.answer).
Law: imports nothing heavy: serving, its probe and the watcher all read rows.
"""

from __future__ import annotations

from typing import Any, Protocol

from mlops.workloads.unlabelled_answer import UNLABELLED, UnlabelledRow
from mlops.workloads.vector_answer import VECTORS, VectorRow


class AnswerRow(Protocol):
    """Writes and reads the row of one prediction."""

    def write(self, prediction: Any) -> bytes:
        """Return the row of one prediction; None: it is no finite number."""

    def read(self, row: dict[str, Any]) -> Any:
        """Return what the model gave for a row."""

    @property
    def kinds(self) -> dict[str, str]:
        """Name what is compared over time, "" where it is one thing -> "number" or "text"."""

    def compared(self, values: Any) -> dict[str, Any]:
        """Return the values of `kinds`. `values`: what the model gave for one row."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a row."""


def answer_row(contract: dict[str, Any], threshold: float = 0.5) -> AnswerRow | None:
    """Return None for a task whose row is a number or a class."""
    if contract["task"] in VECTORS:
        return VectorRow(contract, threshold)
    return UnlabelledRow(contract, threshold) if contract["task"] in UNLABELLED else None
