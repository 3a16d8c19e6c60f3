"""Say what must run, and why.

Lives here: Finding and verdict, one stage against dvc.lock and the files.
Not here: reading the two files (reader).
Law: no finding means that `dvc repro` would do nothing; each finding says what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops.tools.digest import Hashes
from mlops.tools.dvc.reader import Locked, Stage

What = Literal["new", "command", "parameter", "dependency", "output missing", "output changed"]
Stored = Callable[[str], bool]
"""Says whether an object can be had from elsewhere, such as a remote."""
CACHE_OBJECTS = ".dvc/cache/files/md5"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a stage must run. `path`: the dependency or output, or `FILE:KEY` of the parameter."""

    what: What
    path: str


def verdict(
    root: Path, stage: Stage, locked: Locked | None, params: Mapping[str, Any], hashes: Hashes, *,
    stored: Stored = lambda md5: False,
) -> tuple[Finding, ...]:  # fmt: skip
    """Return why a stage must run; nothing where it is up to date. `params`: file -> its content, as it is or as it
    would be written. `stored`: asked about outputs that are neither here nor in the cache."""
    if locked is None:
        return (Finding("new", stage.name),)
    found: list[Finding] = []
    if stage.cmd != locked.cmd:
        found.append(Finding("command", stage.cmd))
    for file, keys in stage.params.items():
        for key in keys:
            if params.get(file, {}).get(key) != locked.params.get(file, {}).get(key):
                found.append(Finding("parameter", f"{file}:{key}"))
    for path in stage.deps:
        if locked.deps.get(path) != _current(root, path, locked.deps.get(path, ""), hashes, stored):
            found.append(Finding("dependency", path))
    for out in stage.outs:
        want = locked.outs.get(out.path)
        if want is None:
            found.append(Finding("output missing", out.path))
        elif not (root / out.path).exists():
            if not (out.cache and (in_cache(root, want) or stored(want))):
                found.append(Finding("output missing", out.path))
        elif hashes.tree(root / out.path) != want:
            found.append(Finding("output changed", out.path))
    return tuple(found)


def _current(root: Path, path: str, locked: str, hashes: Hashes, stored: Stored) -> str:
    """Return the md5 that a dependency has now; an output of another stage that is in the cache alone, or stored, counts as
    unchanged."""
    if (root / path).exists():
        return hashes.tree(root / path)
    return locked if locked and (in_cache(root, locked) or stored(locked)) else ""


def in_cache(root: Path, md5: str) -> bool:
    """Say whether an object is in the cache."""
    return (root / CACHE_OBJECTS / md5[:2] / md5[2:]).exists()
