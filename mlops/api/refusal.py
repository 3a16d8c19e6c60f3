"""Say which rows were refused.

Lives here: refusal, the error of rows that an endpoint, or the process of a model, did not take.
Not here: judging rows (workloads.serving).
Law: a row is named by its number in what the user gave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlops.errors import MlopsError


def refusal(summary: str, address: str, status: int, body: bytes, *, first: int = 0) -> MlopsError:
    """Return the error of rows that were refused. `first`: the number of the first of them, in the frame."""
    text = body.decode(errors="replace")
    try:
        problems = json.loads(text).get("problems", [])
    except (ValueError, AttributeError):
        problems = []
    named = "; ".join(_sentence(problem, first) for problem in problems)
    return MlopsError.of(summary, f"{address}: {named or f'{status}: {text[:300]}'}.", address=address)


def _sentence(problem: Mapping[str, Any], first: int) -> str:
    row, column = problem.get("row"), problem.get("column")
    where = [*([f"row {row + first}"] if row is not None else []), *([f"column {column}"] if column else [])]
    return f"{', '.join(where)}{': ' if where else ''}{problem['problem']}"
