"""Keep what this machine made again, with other bits, of what dvc.lock pins.

Lives here: with_remade, the entries of dvc.lock with those of this machine in their place; keep_remade, which remembers them.
Not here: whether two results are one version (kinds.staged.same_version).
Law: an entry stands for the one that it was made for; once dvc.lock says something else of the stage, it stands for nothing.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_writing = threading.Lock()


def with_remade(root: Path, entries: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the entries, stage -> what dvc.lock says of it, and of a stage that was remade here what stands for it."""
    remade = _read(root)
    if not remade:
        return dict(entries)
    return {
        name: remade[name]["entry"] if name in remade and remade[name]["pinned"] == _digest(entry) else entry
        for name, entry in entries.items()
    }


def keep_remade(root: Path, pinned: Mapping[str, dict[str, Any]], made: Mapping[str, dict[str, Any]]) -> None:
    """Let each entry of `made` stand, on this machine, for that of the same stage in `pinned`."""
    with _writing:
        kept = _read(root) | {name: {"pinned": _digest(pinned[name]), "entry": entry} for name, entry in made.items()}
        path = _path(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps({"version": 1, "stages": kept}, sort_keys=True))
        temporary.replace(path)


def _path(root: Path) -> Path:
    return root / ".mlops" / "remade.json"


def _read(root: Path) -> dict[str, Any]:
    """Return what is remembered; nothing where the file is missing or damaged, for then it can be made again."""
    try:
        stages = json.loads(_path(root).read_text())["stages"]
        return {name: kept for name, kept in stages.items() if kept["pinned"] and kept["entry"]["outs"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _digest(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()
