"""Say which rows were refused.

Lives here: refused_rows, the error of rows that an endpoint, or the process of a model, did not take.
Not here: judging rows (workloads.serving).
Law: a row is named by its number in what the user gave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlops.errors import MlopsError


def refused_rows(summary: str, address: str, status: int, body: bytes, *, first: int = 0) -> MlopsError:
    """Return the error of rows that were refused. `first`: the number of the first of them, in the frame."""
    text = body.decode(errors="replace")
    try:
        answer = json.loads(text)
        problems = "; ".join(_sentence(problem, first) for problem in answer.get("problems", []))
        said = problems or str(answer["error"])
    except (ValueError, AttributeError, KeyError):
        said = text[:300]
    return MlopsError.of(summary, f"{address} answered {status}: {said}.", address=address)


def _sentence(problem: Mapping[str, Any], first: int) -> str:
    row, column = problem.get("row"), problem.get("column")
    where = [*([f"row {row + first}"] if row is not None else []), *([f"column {column}"] if column else [])]
    return f"{', '.join(where)}{': ' if where else ''}{problem['problem']}"
