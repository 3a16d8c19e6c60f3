"""Go back to outputs that stages made before.

Lives here: lock_entries_of (what a record keeps of dvc.lock), and restore_stages.
Not here: what a version is (api.rollback), the cache and its runs (tools.dvc.cache).
Law: nothing runs; dvc.lock and the outputs change together, after everything that is needed was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlops.context.context import Context
from mlops.engine.resource import Record, Step
from mlops.errors import MlopsError
from mlops.tools.dvc.cache import Cache
from mlops.tools.dvc.lockfile import LockEntry, LockFile

LOCKED = "locked"
"""The output of a data set or model that holds its stages' entries of dvc.lock: stage -> entry."""


def lock_entries_of(context: Context, stages: Sequence[str]) -> dict[str, LockEntry]:
    """Return what dvc.lock says of the stages, to be recorded: a later rollback writes it there again."""
    entries = LockFile(context.root).entries()
    return {stage: entries[stage] for stage in stages if stage in entries}


def restore_stages(context: Context, step: Step, stages: Sequence[str]) -> dict[str, Any]:
    """Put back what the stages had made when `step.restore` was recorded, and return its outputs. Raises MlopsError where the
    environment does not build, or where something of it is kept nowhere."""
    assert step.restore is not None
    record = step.restore.record
    if not context.settings.build:
        raise MlopsError.of(
            "this environment does not build",
            f"Environment {context.environment} deploys what dvc.lock pins. Roll the endpoint back here, or {step.address} where "
            "it is built (in dev), and commit dvc.lock.",
        )
    entries = _entries(context, record, stages)
    outs = [out for entry in entries.values() for out in entry["outs"]]
    cache = Cache(context.root)
    away = [out for out in outs if not _is_here(context, out)]
    lacking = [out for out in away if not cache.has(out["md5"])]
    if lacking and context.remote is None:
        names = ", ".join(out["path"] for out in lacking)
        raise MlopsError.of(
            "version is not kept",
            f"{names} of serial {record.serial} is no longer in the cache ({cache.home}), and the project declares no remote. "
            "Nothing was changed.",
        )
    if lacking and context.remote is not None:
        step.say("fetching what is stored", 0.1)
        context.remote.pull(lacking, replace=True)
    for out in away:
        if out not in lacking:
            cache.get(out["md5"], context.root / out["path"])
    lock = LockFile(context.root)
    for stage, entry in entries.items():
        lock.finish(stage, entry)
    lock.merge(tuple(context.stages))
    context.hashes.keep()
    return {**record.outputs, LOCKED: entries}


def _is_here(context: Context, out: Mapping[str, Any]) -> bool:
    path = context.root / out["path"]
    return path.exists() and bool(context.hashes.tree(path) == out["md5"])


def _entries(context: Context, record: Record, stages: Sequence[str]) -> dict[str, LockEntry]:
    """Return the entries of the stages as they were: from the record or, of one that an earlier version of the tool wrote, from
    the runs that DVC's cache keeps."""
    kept: dict[str, LockEntry] = dict(record.outputs.get(LOCKED) or {})
    if all(stage in kept for stage in stages):
        return {stage: kept[stage] for stage in stages}
    raise MlopsError.of(
        "version is not known whole",
        f"Serial {record.serial} of {record.address} was recorded without its entries of dvc.lock. Take them from git: "
        "`git log --oneline -- dvc.lock` lists the commits; `git checkout COMMIT -- dvc.lock`, then `dvc checkout`.",
        address=str(record.address),
    )
