"""Say when two results of one training are one version, and keep the committed one.

Lives here: Committed, what the repository pins of a model before its stages run; keep_committed; other_bits.
Not here: the entries that stand for those of dvc.lock (tools.dvc.remade), why bits differ (docs/decisions/0024).
Law: made from the same inputs, and each headline inside the committed interval, is the same version: then no tracked file changes.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.context.context import Context
from mlops.context.metrics_file import read_metrics
from mlops.metrics.metric import MEASURED_SPLITS
from mlops.metrics.table import headlines_of
from mlops.metrics.task import Task
from mlops.tools.dvc.lockfile import LockEntry, LockFile
from mlops.tools.dvc.remade import keep_remade

_TOLERANCE = 0.01
"""How far a headline that has no interval may be from the committed one, as a share of that."""


@dataclass(frozen=True)
class Committed:
    """What the repository says of a model: all entries of dvc.lock, those of its stages, and the metrics and plots that git
    keeps, by path."""

    entries: Mapping[str, LockEntry]
    stages: tuple[str, ...]
    files: Mapping[str, bytes]
    metrics: Mapping[str, Any] | None

    @classmethod
    def of(cls, context: Context, model_name: str, stages: Sequence[str]) -> Committed:
        kept = [
            out.path for name in stages if name in context.stages for out in context.stages[name].outs if not out.cache
        ]
        files = {file.relative_to(context.root).as_posix(): file.read_bytes()
                 for path in kept for file in _files(context.root / path)}  # fmt: skip
        return cls(
            LockFile(context.root).pinned(), tuple(stages), files, read_metrics(context.root, model_name)
        )  # fmt: skip


def keep_committed(context: Context, committed: Committed, task: Task, metrics: Mapping[str, Any]) -> list[str]:
    """Where what was made is the committed version with other bits, put dvc.lock, metrics and plots back, let this machine use
    what it made, and return the line that says so. `metrics`: those of what was made. Where a remote is declared nothing is put
    back: what dvc.lock pins must be what others fetch."""
    lock = LockFile(context.root)
    made = {name: entry for name, entry in lock.entries().items() if name in committed.stages}
    pinned = {name: entry for name, entry in committed.entries.items() if name in committed.stages}
    if committed.metrics is None or pinned.keys() != made.keys() or not _moved(pinned, made):
        return []
    if not all(_made_alike(committed, lock.entries(), name) for name in made):
        return []
    moved = _headline_words(task, committed.metrics, metrics)
    if context.remote is not None or not _are_alike(task, committed.metrics, metrics):
        return [f"made from what dvc.lock pins, with other bits{moved}: another kind of processor rounds otherwise; "
                "`git restore dvc.lock metrics plots` keeps what is committed"]  # fmt: skip
    of_git = {out.path for name in made for out in context.stages[name].outs if not out.cache}
    keep_remade(context.root, pinned, {name: _with_pinned(entry, pinned[name], of_git) for name, entry in made.items()})
    for path in of_git:
        _clear(context.root / path)
    for path, content in committed.files.items():
        (context.root / path).parent.mkdir(parents=True, exist_ok=True)
        (context.root / path).write_bytes(content)
    for name, entry in pinned.items():
        lock.finish(name, entry)
    lock.merge(tuple(context.stages))
    return [f"the version that dvc.lock pins, with other bits{moved}: another kind of processor rounds otherwise; "
            "dvc.lock, metrics and plots stay as committed"]  # fmt: skip


def _moved(pinned: Mapping[str, LockEntry], made: Mapping[str, LockEntry]) -> bool:
    return any(_md5s(pinned[name], "outs") != _md5s(made[name], "outs") for name in made)


def _made_alike(committed: Committed, entries: Mapping[str, LockEntry], name: str) -> bool:
    """Say whether a stage was made from what dvc.lock pins, or from what stands for that on this machine."""
    before, now = committed.entries[name], entries[name]
    if (before.get("cmd"), before.get("params")) != (now.get("cmd"), now.get("params")):
        return False
    old, new = _md5s(before, "deps"), _md5s(now, "deps")
    pinned, standing = (
        {path: md5 for entry in held.values() for path, md5 in _md5s(entry, "outs").items()}
        for held in (committed.entries, entries)
    )
    return old.keys() == new.keys() and all(
        old[path] == new[path] or (pinned.get(path) == old[path] and standing.get(path) == new[path]) for path in old
    )


def _md5s(entry: LockEntry, group: str) -> dict[str, str]:
    return {item["path"]: str(item.get("md5", "")) for item in entry.get(group, ())}


def _are_alike(task: Task, committed: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    names = _headlines(task, committed)
    return bool(names) and all(name in made and _is_inside(committed, name, made[name]) for name in names)


def _is_inside(committed: Mapping[str, Any], name: str, value: float) -> bool:
    ends = committed.get("intervals", {}).get(name)
    if ends:
        return bool(ends[0] <= value <= ends[1])
    return bool(abs(value - committed[name]) <= _TOLERANCE * abs(committed[name]))


def _headlines(task: Task, metrics: Mapping[str, Any]) -> list[str]:
    named = [f"{MEASURED_SPLITS[0]}_{metric.name}" for metric in headlines_of(task)]
    return [name for name in named if name in metrics]


def _headline_words(task: Task, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    both = [name for name in _headlines(task, before) if name in now]
    return f" ({both[0]} {before[both[0]]:.4f} → {now[both[0]]:.4f})" if both else ""


def _with_pinned(entry: LockEntry, pinned: LockEntry, paths: set[str]) -> LockEntry:
    """Return an entry in which the outputs that git keeps are the committed ones."""
    outs = {out["path"]: out for out in pinned["outs"]}
    return {**entry, "outs": [outs[out["path"]] if out["path"] in paths else out for out in entry["outs"]]}


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]


def _clear(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
