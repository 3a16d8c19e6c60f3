"""Ask two versions the same rows.

Lives here: compared_rows: rows of clients' requests, from the prediction log, and golden rows, answered by both.
Not here: what the answers mean (rollout.judges).
Law: what is asked is neither logged nor counted; a version that gives no answer gives no evidence here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops.rollout.evidence import Pair, answered_rows

_TAIL = 256 * 1024
"""Bytes from the end of the log's newest segment that are looked through."""
_FILES = 2
_ROWS_OF_ONE = 5
"""Rows of one request that are taken: those of one client are alike."""
Ask = Callable[[bytes], tuple[int, bytes]]


def compared_rows(rows: Iterator[Any], asks: tuple[Ask, Ask], known: Collection[str], most: int) -> Mapping[str, Pair]:
    """Return the answers of both by the digest of each row. `asks`: the live version's and the candidate's."""
    chosen: dict[str, Any] = {}
    for row in rows:
        name = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]
        if name not in known:
            chosen[name] = row
        if len(chosen) >= most:
            break
    body = json.dumps({"rows": list(chosen.values())}).encode()
    live, candidate = (_answers(ask, body) for ask in asks) if chosen else ([], [])
    if not len(live) == len(candidate) == len(chosen):
        return {}
    return {
        name: Pair(mine[0], other[0], other[1])
        for name, mine, other in zip(chosen, candidate, live, strict=True) if mine[0] and other[0]
    }  # fmt: skip


def _answers(ask: Ask, body: bytes) -> Sequence[tuple[tuple[float, ...], bool]]:
    with contextlib.suppress(OSError, ValueError):
        status, answer = ask(body)
        return answered_rows(json.loads(answer)) if status == 200 else []
    return []


def logged_rows(folder: Path, version: str) -> Iterator[Any]:
    """Yield rows that clients asked of a version, the newest first; not those that were asked as tensors."""
    with contextlib.suppress(OSError):
        segments = sorted(folder.glob(f"{version}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in segments[:_FILES]:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _TAIL))
                lines = file.read().splitlines()
            for line in reversed(lines):
                with contextlib.suppress(ValueError, AttributeError, KeyError, TypeError):
                    asked = json.loads(line)["q"]
                    is_tensors = isinstance(asked.get("inputs"), list)
                    yield from () if is_tensors else asked.get("rows", [asked])[:_ROWS_OF_ONE]


def golden_rows(bento: Path) -> Iterator[Any]:
    """Yield the rows that a model was checked with."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        yield from json.loads((bento / "golden.json").read_text())["rows"]
