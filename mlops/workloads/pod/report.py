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

from mlops.errors import MlopsError, Problem

MOST = 4096
"""Bytes that Kubernetes keeps of a termination message."""
_LENGTHS = (3000, 2000, 1200, 700, 400, 200, 80)


def report_text(stages: Mapping[str, Mapping[str, Any]], problems: Sequence[Problem] = ()) -> str:
    """`stages`: entries of dvc.lock by stage. Raises MlopsError where not even their digests fit, and there are no problems."""
    levels: list[Mapping[str, Any]] = [stages, reduced(stages), *([{}] if problems else [])]
    texts = (_text(entries, told) for entries in levels for told in _shorter(problems))
    for text in texts:
        if len(text.encode()) <= MOST:
            return text
    raise MlopsError.of(
        "report does not fit",
        f"What the stages {', '.join(stages)} made cannot be told in {MOST} bytes, the most that Kubernetes keeps. It was "
        "pushed. Have fewer outputs and dependencies in dvc.yaml, or shorter paths.",
    )


def _text(stages: Mapping[str, Any], problems: Sequence[Mapping[str, Any]]) -> str:
    told = {"stages": stages, **({"problems": problems} if problems else {})}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def reduced(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Command and parameters by their digest alone."""
    told = {}
    for name, entry in stages.items():
        inputs = {key: entry[key] for key in ("cmd", "params") if key in entry}
        digest = hashlib.md5(json.dumps(inputs, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        told[name] = {"inputs": digest, **{key: entry[key] for key in entry if key not in inputs}}
    return told


def _shorter(problems: Sequence[Problem]) -> list[list[dict[str, Any]]]:
    """Ever shorter, and at last the first one alone."""
    whole = [asdict(problem) for problem in problems]
    cut = [[{**told, "detail": _cut(told["detail"], length)} for told in whole] for length in _LENGTHS]
    return [whole, *cut, cut[-1][:1]] if whole else [[]]


def _cut(text: str, length: int) -> str:
    """Its beginning, which says what, and its end, which says why."""
    return text if len(text) <= length else f"{text[: length // 3]} […] {text[len(text) - 2 * length // 3 :]}"
