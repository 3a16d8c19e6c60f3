"""Take over what a pod made.

Lives here: take_report, which fetches what a pod made and reported, and writes it into dvc.lock.
Not here: running the pod (targets.kubernetes), its report's form (workloads.pod.report), fetching (remote).
Law: dvc.lock names only what is here; a report whose outputs cannot be fetched changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.tools.dvc.cache import Cache
from mlops.tools.dvc.command import problems_of
from mlops.tools.dvc.execute import ignore, params_of
from mlops.tools.dvc.lockfile import LockEntry, LockFile
from mlops.tools.dvc.reader import Stage, read_stages
from mlops.tools.dvc.remote import Remote
from mlops.tools.dvc.settings import DvcSettings
from mlops.tools.progress import ReportProgress


def take_report(remote: Remote, report: Mapping[str, Any], say: ReportProgress) -> None:
    """Fetch what the stages of a report made, put it in its place, and write it into dvc.lock. Idempotent.

    Raises MlopsError with the report's problems, after what was finished before them is taken, and ToolFailed where the
    remote cannot be read or lacks an output.
    """
    root = remote.root
    made: Mapping[str, LockEntry] = report.get("stages") or {}
    if made:
        known = read_stages(root)
        entries = {name: _whole(root, name, known.get(name), entry) for name, entry in made.items()}
        say("fetching what was made", None)
        remote.pull([out for entry in entries.values() for out in entry["outs"]], replace=True)
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


def _write_down(root: Path, entries: Mapping[str, LockEntry], known: Mapping[str, Stage]) -> None:
    lock, cache = LockFile(root), Cache(root)
    for name, entry in entries.items():
        if DvcSettings.of(root).cache == cache.home:
            cache.keep_run(entry)
        lock.finish(name, entry)
    ignore(root, [out.path for name in entries if name in known for out in known[name].outs if out.cache])
    lock.merge(tuple(known))
