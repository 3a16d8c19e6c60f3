"""Run stages.

Lives here: run_stages, repro, checkout, and run_dvc for its other commands.
Not here: which (verdict, kinds).
Law: only the named stages run, one DVC at a time; a stage's own problems come back as it reported them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops.contracts.home import keep_out_of_git
from mlops.errors import MlopsError
from mlops.tools.digest import Hashes
from mlops.tools.dvc.cache import Cache
from mlops.tools.dvc.command import reporting
from mlops.tools.dvc.execute import execute
from mlops.tools.dvc.reader import read_yaml
from mlops.tools.dvc.remote import Remote, locked_outs
from mlops.tools.dvc.subset import unsupported_feature
from mlops.tools.process import alive, beside_python, run
from mlops.tools.progress import ReportProgress

_one_at_a_time = threading.Lock()


def repro(root: Path, stages: Sequence[str], say: ReportProgress, *, force: bool = False) -> None:
    """Run stages by DVC itself. Raises MlopsError with the stage's problems, or ToolFailed with the end of what DVC
    wrote."""
    forced = ["--force"] if force else []
    with _one_at_a_time:
        free_dead_locks(root)
        words = [beside_python("dvc"), "repro", *forced, "-s", *stages]
        with reporting(root, say) as (env, watch):
            run(words, cwd=root, env=env, while_running=watch)


def run_stages(
    root: Path, stages: Sequence[str], hashes: Hashes, say: ReportProgress, *, parallel: int = 1, force: bool = False
) -> None:
    """Run those of `stages` that are not up to date, here, or by DVC where the project uses features of DVC that are
    not known here."""
    keep_out_of_git(root)
    reason = unsupported_feature(root, read_yaml(root / "dvc.yaml"))
    if reason is None:
        execute(root, stages, hashes, say, parallel=parallel, force=force)
        return
    say(f"left to `dvc repro`, because of {reason}", None)
    repro(root, stages, say, force=force)


def checkout(root: Path, stages: Sequence[str], remote: Remote | None) -> None:
    """Bring outputs back from the cache, or from the remote where the cache lacks them. Raises ToolFailed."""
    outs = locked_outs(root, stages)
    cache = Cache(root)
    absent = [out for out in outs if not (root / out["path"]).exists()]
    lacking = [out for out in absent if not cache.has(out["md5"])]
    for out in absent:
        if out not in lacking:
            cache.get(out["md5"], root / out["path"])
    if lacking and remote is None:
        run_dvc(root, "checkout", *stages)  # a project may keep its cache where DVC alone looks
    elif lacking and remote is not None:
        remote.pull(lacking)


def bring_object(root: Path, md5: str, path: Path, remote: Remote | None) -> None:
    """Put a file or folder that was an output once, and that dvc.lock need not name any more, at `path` inside the project.
    Raises MlopsError where it is not kept."""
    cache = Cache(root)
    if cache.has(md5):
        cache.get(md5, path)
    elif remote is not None:
        remote.pull([{"path": path.relative_to(root).as_posix(), "md5": md5, "hash": "md5"}], replace=True)
    else:
        raise MlopsError.of(
            "version is not kept",
            f"What has the digest {md5} is neither in the cache ({cache.home}) nor in a remote, for none is declared. Where "
            "another machine has it: say `storage: {remote: …}` in conf/project.yaml there, and apply.",
        )


def run_dvc(root: Path, *words: str) -> None:
    with _one_at_a_time:
        free_dead_locks(root)
        run([beside_python("dvc"), *words], cwd=root)


def free_dead_locks(root: Path) -> None:
    """Remove the locks of dead processes from DVC's own file of locks: DVC would ask a person to do so."""
    path = root / ".dvc" / "tmp" / "rwlock"
    try:
        book = json.loads(path.read_text())
        kept = {name: _living(locks) for name, locks in book.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return
    kept = {name: locks for name, locks in kept.items() if locks}
    if kept != book:
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(kept))
        temporary.replace(path)


def _living(locks: dict[str, Any]) -> dict[str, Any]:
    readers = [one for one in locks.get("read", ()) if alive(one["pid"])]
    writer = locks.get("write")
    return ({"read": readers} if readers else {}) | ({"write": writer} if writer and alive(writer["pid"]) else {})
