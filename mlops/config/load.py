"""Load conf/ through a cache.

Lives here: load, the door through which everybody else asks for the project, and its cache.
Not here: composing (compose) and judging (validate), which run only when a file or an override changed.
Law: the cache is keyed by the content of every file, the overrides and this version of the tool; losing it costs time
only.
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
from mlops.contracts.home import make_home
from mlops.extensions import are_installed, packages

_CACHE = ".mlops/cache/config"
_KEPT = 64


def load(root: Path, *, env: str | None = None, overrides: Sequence[str] = ()) -> ProjectSpec:
    """Read, compose and judge conf/. `env`: what the override `env=NAME` says. Raises InvalidConfig with every problem."""
    all_overrides = tuple(overrides) if env is None else (*overrides, f"env={env}")
    files = read_files(root)
    with suppress(OSError):
        make_home(root)
    path = root / _CACHE / f"{_key(files, all_overrides)}.json"
    if not files.unread:
        try:
            payload = json.loads(path.read_bytes())
            if are_installed(payload["packages"]):
                return project_from_json(payload, root=root, overrides=tuple(overrides))
        except (OSError, ValueError, KeyError, TypeError):
            pass
    payload = _judged(files, all_overrides)
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
    """Return a digest that changes with the code that composes and judges."""
    stamps = [
        f"{path.name}:{path.stat().st_mtime_ns}:{path.stat().st_size}"
        for path in sorted(Path(__file__).parent.rglob("*.py"))
    ]
    return hashlib.sha256("\n".join(stamps).encode()).hexdigest()


def _keep(path: Path, payload: dict[str, Any]) -> None:
    """Write the cache. A folder that cannot be written costs the next command some time, and is no error."""
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
