"""Write a pod's last word.

Lives here: report_text, what was made and what went wrong, short enough for Kubernetes, and reduced.
Not here: reading it (tools.dvc.remote).
Law: at most 4,096 bytes of JSON; what does not fit is left out in the order in which the reader knows it already.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mlops.contracts.codec import to_json
from mlops.contracts.pod import PodReport
from mlops.errors import MlopsError, Problem

MOST = 4096
"""Bytes that Kubernetes keeps of a termination message."""
_LENGTHS = (3000, 2000, 1200, 700, 400, 200, 80)


def report_text(stages: Mapping[str, Mapping[str, Any]], problems: Sequence[Problem] = ()) -> str:
    """Return the report as JSON. `stages`: entries of dvc.lock by stage.

    Raises MlopsError where not even the digests of the stages fit, and there are no problems.
    """
    levels: list[Mapping[str, Any]] = [stages, reduced(stages), *([{}] if problems else [])]
    texts = (_text(entries, few) for entries in levels for few in _shorter(problems))
    for text in texts:
        if len(text.encode()) <= MOST:
            return text
    raise MlopsError.of(
        "report does not fit",
        f"What the stages {', '.join(stages)} made cannot be said in {MOST} bytes, the most that Kubernetes keeps. It was "
        "pushed. Have fewer outputs and dependencies in dvc.yaml, or shorter paths.",
    )


def _text(stages: Mapping[str, Any], problems: Sequence[Mapping[str, Any]]) -> str:
    report = PodReport(stages=dict(stages), problems=tuple(map(dict, problems)))
    return json.dumps(to_json(report), separators=(",", ":"), ensure_ascii=False)


def reduced(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return entries that hold command and parameters by their digest alone."""
    short = {}
    for name, entry in stages.items():
        inputs = {key: entry[key] for key in ("cmd", "params") if key in entry}
        digest = hashlib.md5(json.dumps(inputs, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        short[name] = {"inputs": digest, **{key: entry[key] for key in entry if key not in inputs}}
    return short


def _shorter(problems: Sequence[Problem]) -> list[list[dict[str, Any]]]:
    """Return the problems ever shorter, and at last the first one alone."""
    whole = [asdict(problem) for problem in problems]
    cut = [[{**problem, "detail": _cut(problem["detail"], length)} for problem in whole] for length in _LENGTHS]
    return [whole, *cut, cut[-1][:1]] if whole else [[]]


def _cut(text: str, length: int) -> str:
    """Return the text's beginning, which says what, and its end, which says why."""
    return text if len(text) <= length else f"{text[: length // 3]} […] {text[len(text) - 2 * length // 3 :]}"
