"""Load conf/.

Lives here: load, the door through which everybody else asks for the project, and its cache.
Not here: composing and judging, which run only when a file or a word is another.
Law: the cache is keyed by the content of every file, the words and this version of the tool; losing it costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from mlops.spec.files import Files, read_files
from mlops.spec.project import Project, project_of
from mlops.spec.vocabulary import version_of

CACHE = ".mlops/cache/config"
_KEPT = 64


def load(root: Path, *, env: str | None = None, overrides: Sequence[str] = ()) -> Project:
    """Raises InvalidConfig with every problem at once. `env` is what the word `env=NAME` says."""
    words = tuple(overrides) if env is None else (*overrides, f"env={env}")
    files = read_files(root)
    path = root / CACHE / f"{_key(files, words)}.json"
    if not files.unread:
        try:
            return project_of(json.loads(path.read_bytes()), root=root, overrides=tuple(overrides))
        except (OSError, ValueError, KeyError, TypeError):
            pass
    payload = _judged(files, words)
    _keep(path, payload)
    return project_of(payload, root=root, overrides=tuple(overrides))


def _judged(files: Files, words: Sequence[str]) -> dict[str, Any]:
    from mlops.spec.compose import compose
    from mlops.spec.judge import judge
    from mlops.spec.words import read_words

    payload: dict[str, Any] = json.loads(json.dumps(judge(compose(files, read_words(words)))))
    return payload


def _key(files: Files, words: Sequence[str]) -> str:
    digest = hashlib.sha256(f"{_tool()}\0{version_of(files.kinds)}".encode())
    for path, content in files.texts.items():
        digest.update(f"\0{path}\0{len(content)}\0".encode() + content)
    digest.update(json.dumps(list(words)).encode())
    return digest.hexdigest()[:40]


@cache
def _tool() -> str:
    """Changes with the code that composes and judges."""
    told = [
        f"{path.name}:{path.stat().st_mtime_ns}:{path.stat().st_size}"
        for path in sorted(Path(__file__).parent.glob("*.py"))
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _keep(path: Path, payload: dict[str, Any]) -> None:
    """Best effort: a folder that cannot be written costs the next command some time, no more."""
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(payload))
        temporary.replace(path)
        kept = sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
        for old in kept[_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
