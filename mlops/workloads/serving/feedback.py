"""Receive late labels.

Lives here: read_feedback, which judges the body of `POST /feedback`, and Feedback: what fits, and what is wrong with the rest.
Not here: the types of labels (label_values), keeping them (log), joining them with their predictions (the watcher).
Law: what fits is kept whatever stands beside it; what does not is answered with a sentence.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from mlops.workloads.label_values import LabelError, LabelValues, request_id
from mlops.workloads.serving.rows import decode_json, whole

_MANY = "labels"
_MOST_PROBLEMS = 100


@dataclass
class Feedback:
    """`fitting`: the JSON text of each label. `problems`: {place, id, problem} of the others, the first hundred; `refused`: how many.
    `is_many`: whether the body was a list of labels."""

    is_many: bool
    fitting: list[bytes] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0

    def answer(self, *, is_kept: bool) -> tuple[int, bytes]:
        """Return status and body: 202 where all fit, 422 where none does, 207 where some do."""
        if not self.is_many:
            if self.refused:
                problem = self.problems[0]["problem"]
                problems = [{"row": None, "column": None, "problem": problem}]
                return 422, _json({"error": problem, "problems": problems})
            return 202, _json({"kept": is_kept})
        body: dict[str, Any] = {"kept": len(self.fitting) if is_kept else 0}
        if not self.refused:
            return 202, _json(body)
        what = "a label does not" if self.refused == 1 else f"{self.refused} labels do not"
        body |= {"error": f"{what} fit", "refused": self.refused, "problems": self.problems}
        return (207 if self.fitting else 422), _json(body)


def read_feedback(body: bytes, values: LabelValues) -> Feedback:
    """Judge one label, {"id", "label"}, or many, {"labels": [{"id", "label"}, …]}. Raises BadRows where the body is neither."""
    given = decode_json(body)
    if not isinstance(given, dict) or _MANY not in given:
        feedback = Feedback(is_many=False)
        _judge(given, 0, values, feedback)
        return feedback
    labels = given[_MANY]
    if not isinstance(labels, list) or not labels or len(given) > 1:
        raise whole(
            'many labels are {"labels": [{"id": …, "label": …}, …]}, with one at least and nothing beside it', 422
        )
    feedback = Feedback(is_many=True)
    for place, one in enumerate(labels):
        _judge(one, place, values, feedback)
    return feedback


def _judge(given: Any, place: int, values: LabelValues, feedback: Feedback) -> None:
    said = given if isinstance(given, dict) else {}
    try:
        missing = [name for name in ("id", "label") if name not in said]
        if missing:
            raise LabelError(f"feedback needs {' and '.join(missing)}")
        name, label = request_id(said["id"]), said["label"]
        values.read(label)
        feedback.fitting.append(_json({"id": name, "label": label}))
    except LabelError as error:
        feedback.refused += 1
        if len(feedback.problems) < _MOST_PROBLEMS:
            given_id = said.get("id")
            feedback.problems.append(
                {"place": place, "id": given_id if isinstance(given_id, str | int) else None, "problem": str(error)}
            )


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
