"""Run stages.

Lives here: repro and checkout.
Not here: which (verdict, kinds).
Law: only the named stages run, one DVC at a time; a stage's own problems come back as it told them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError, Problem, Source, ToolFailed
from mlops.tools.process import alive, beside_python, run
from mlops.tools.scratch import scratch

_one_at_a_time = threading.Lock()
Say = Callable[[str, float | None], None]


def repro(root: Path, stages: Sequence[str], say: Say) -> None:
    """Raises MlopsError with the stage's problems, or ToolFailed with the end of what DVC wrote."""
    with _one_at_a_time, scratch(root / ".mlops" / "tmp") as folder:
        free_dead_locks(root)
        problems, progress = folder / "problems", folder / "progress"
        last = [""]
        env = {"MLOPS_STAGE_PROBLEMS": str(problems), "MLOPS_STAGE_PROGRESS": str(progress)}
        try:
            run(
                [beside_python("dvc"), "repro", "-s", *stages], cwd=root, env=env,
                while_running=lambda: _tell(progress, last, say),
            )  # fmt: skip
        except ToolFailed as error:
            told = _problems(problems)
            if told:
                raise MlopsError(*told) from error
            raise


def checkout(root: Path, stages: Sequence[str]) -> None:
    """Bring outputs back from the cache, or from the remote where the cache lacks them."""
    with _one_at_a_time:
        try:
            run([beside_python("dvc"), "checkout", *stages], cwd=root)
        except ToolFailed:
            run([beside_python("dvc"), "pull", *stages], cwd=root)


def _tell(progress: Path, last: list[str], say: Say) -> None:
    """Say the newest line, once. `last` holds what was said before."""
    try:
        line = progress.read_text().splitlines()[-1]
        told = json.loads(line)
    except (OSError, ValueError, IndexError):
        return
    if line != last[0]:
        last[0] = line
        say(told["line"], told["fraction"])


def free_dead_locks(root: Path) -> None:
    """Take out of DVC's own book of locks what dead processes hold: DVC would ask a person to do so."""
    path = root / ".dvc" / "tmp" / "rwlock"
    try:
        book = json.loads(path.read_text())
        kept = {name: _living(told) for name, told in book.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return
    kept = {name: told for name, told in kept.items() if told}
    if kept != book:
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(kept))
        temporary.replace(path)


def _living(told: dict[str, Any]) -> dict[str, Any]:
    readers = [one for one in told.get("read", ()) if alive(one["pid"])]
    writer = told.get("write")
    return ({"read": readers} if readers else {}) | ({"write": writer} if writer and alive(writer["pid"]) else {})


def _problems(path: Path) -> list[Problem]:
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError):
        return []
    return [Problem(**{**one, "source": Source(**one["source"]) if one["source"] else None}) for one in told]
