"""Exchange outputs with other machines through DVC's remote.

Lives here: push, and take_report, which makes ours what a pod made and reported; has_remote.
Not here: running the pod (targets.kubernetes), its report's form (workloads.pod.report), DVC's settings (settings).
Law: dvc.lock names only what is here; a report whose outputs cannot be fetched changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.tools.dvc import yaml12
from mlops.tools.dvc.cache import Cache, remove
from mlops.tools.dvc.command import problems_of
from mlops.tools.dvc.execute import ignore, params_of
from mlops.tools.dvc.lockfile import LockEntry, LockFile
from mlops.tools.dvc.reader import Stage, read_stages
from mlops.tools.dvc.run import run_dvc
from mlops.tools.dvc.settings import DvcSettings
from mlops.tools.process import beside_python, run
from mlops.tools.progress import ReportProgress
from mlops.tools.scratch import scratch


def has_remote(root: Path) -> bool:
    """Say whether there is a default remote."""
    return DvcSettings.of(root).remote is not None


def push(root: Path, stages: Sequence[str]) -> None:
    """Push the outputs of stages, unless the remote has them. Raises ToolFailed."""
    if stages:
        run_dvc(root, "push", *stages)


def take_report(root: Path, report: Mapping[str, Any], say: ReportProgress) -> None:
    """Fetch what the stages of a report made, put it in its place, and write it into dvc.lock. Idempotent.

    Raises MlopsError with the report's problems, after what was finished before them is taken, and ToolFailed where the
    remote lacks an output.
    """
    made: Mapping[str, LockEntry] = report.get("stages") or {}
    if made:
        known = read_stages(root)
        entries = {name: _whole(root, name, known.get(name), entry) for name, entry in made.items()}
        say("fetching what was made", None)
        _fetch(root, entries)
        _write_down(root, entries, known)
    if report.get("problems"):
        raise MlopsError(*problems_of(report["problems"]))


def _whole(root: Path, name: str, stage: Stage | None, entry: LockEntry) -> LockEntry:
    """Return the entry with command and parameters, where it names them by their digest alone."""
    if "inputs" not in entry:
        return entry
    ours = {"cmd": stage.cmd, "params": params_of(root, stage)} if stage else {}
    ours = {key: value for key, value in ours.items() if value}
    if hashlib.md5(json.dumps(ours, sort_keys=True).encode(), usedforsecurity=False).hexdigest() != entry["inputs"]:
        raise MlopsError.of(
            "stage's inputs moved",
            f"The command or the parameters of stage {name} changed while it ran elsewhere, so what it made is not of these. It "
            "is not written down; run the same command again.",
        )
    rest = {key: value for key, value in entry.items() if key != "inputs"}
    return {key: (ours | rest)[key] for key in ("cmd", "deps", "params", "outs") if key in ours | rest}


def _fetch(root: Path, entries: Mapping[str, LockEntry]) -> None:
    """Fetch outputs by DVC, in a temporary repository with our cache: dvc.lock does not name these outputs yet, and DVC
    would not fetch the metrics and plots of a stage."""
    outs = [out for entry in entries.values() for out in entry["outs"]]
    settings = DvcSettings.of(root)
    with scratch(root / ".mlops" / "tmp") as folder:
        (folder / ".dvc").mkdir()
        for name, text in settings.texts(cache=True).items():
            (folder / ".dvc" / name).touch(mode=0o600)
            (folder / ".dvc" / name).write_text(text)
        (folder / "outs.dvc").write_text(yaml12.dumps({"outs": outs}))
        run([beside_python("dvc"), "pull", "outs.dvc"], cwd=folder)
        for out in outs:
            remove(root / out["path"])
            (root / out["path"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / out["path"], root / out["path"])


def _write_down(root: Path, entries: Mapping[str, LockEntry], known: Mapping[str, Stage]) -> None:
    lock, cache = LockFile(root), Cache(root)
    for name, entry in entries.items():
        if DvcSettings.of(root).cache == cache.home:
            cache.keep_run(entry)
        lock.finish(name, entry)
    ignore(root, [out.path for name in entries if name in known for out in known[name].outs if out.cache])
    lock.merge(tuple(known))
