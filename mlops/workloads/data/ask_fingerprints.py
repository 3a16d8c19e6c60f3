"""Ask remote sources for their fingerprints, in a process of its own: python -m mlops.workloads.data.ask_fingerprints FOLDER

Lives here: answer_file, which reads FOLDER/request.json and writes FOLDER/answer.json, and ask_all.
Not here: what is remembered, and when a plan asks (context.sources), what one source says (sources).
Law: one source that cannot be reached hides no other; no secret is in an answer.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from mlops.contracts.source_answers import SourceAnswer, SourceAnswers, SourceRequest
from mlops.errors import MlopsError
from mlops.workloads.data.sources.source import Place, newest_fingerprint

_AT_ONCE = 8


def answer_file(folder: Path, root: Path) -> None:
    """Answer what stands in the folder's request.json."""
    request = msgspec.json.decode((folder / "request.json").read_bytes(), type=SourceRequest)
    answers = SourceAnswers(answers=tuple(ask_all(request.sources, root, folder)))
    (folder / "answer.json").write_bytes(msgspec.json.encode(answers))


def ask_all(sources: Sequence[dict[str, Any]], root: Path, scratch: Path) -> list[SourceAnswer]:
    """Return one answer for each source, in their order."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda source: _ask(source, Place.of(root, scratch)), sources))


def _ask(source: dict[str, Any], place: Place) -> SourceAnswer:
    try:
        return SourceAnswer(fingerprint=newest_fingerprint(source, place))
    except MlopsError as error:
        problem = error.problems[0]
        return SourceAnswer(summary=problem.summary, detail=problem.detail, hint=problem.hint)


if __name__ == "__main__":
    answer_file(Path(sys.argv[1]), Path.cwd())
