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

from mlops.config.compose.files import Files, read_files
from mlops.config.project import ProjectSpec, project_from_json
from mlops.extensions import are_installed, packages

CACHE = ".mlops/cache/config"
_KEPT = 64


def load(root: Path, *, env: str | None = None, overrides: Sequence[str] = ()) -> ProjectSpec:
    """Raises InvalidConfig with every problem at once. `env` is what the word `env=NAME` says."""
    asked = tuple(overrides) if env is None else (*overrides, f"env={env}")
    files = read_files(root)
    path = root / CACHE / f"{_key(files, asked)}.json"
    if not files.unread:
        try:
            payload = json.loads(path.read_bytes())
            if are_installed(payload["packages"]):
                return project_from_json(payload, root=root, overrides=tuple(overrides))
        except (OSError, ValueError, KeyError, TypeError):
            pass
    payload = _judged(files, asked)
    _keep(path, payload)
    return project_from_json(payload, root=root, overrides=tuple(overrides))


def _judged(files: Files, overrides: Sequence[str]) -> dict[str, Any]:
    from mlops.config.compose.compose import compose
    from mlops.config.compose.overrides import read_overrides
    from mlops.config.validate.judge import judge

    judged = judge(compose(files, read_overrides(overrides)))
    payload: dict[str, Any] = json.loads(json.dumps({**judged, "packages": packages()}))
    return payload


def _key(files: Files, overrides: Sequence[str]) -> str:
    digest = hashlib.sha256(f"{_tool()}".encode())
    for path, content in files.texts.items():
        digest.update(f"\0{path}\0{len(content)}\0".encode() + content)
    digest.update(json.dumps(list(overrides)).encode())
    return digest.hexdigest()[:40]


@cache
def _tool() -> str:
    """Changes with the code that composes and judges."""
    told = [
        f"{path.name}:{path.stat().st_mtime_ns}:{path.stat().st_size}"
        for path in sorted(Path(__file__).parent.rglob("*.py"))
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
