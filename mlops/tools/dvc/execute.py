"""Run stages side by side, and write down what they made as DVC does.

Lives here: execute.
Not here: the formats (cache, lockfile), processes that wait for work (workers), which stages must run (kinds).
Law: a stage is written down only if what it was made from was the same before and after; a failed one changes nothing.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError, ToolFailed
from mlops.tools.digest import Hashes
from mlops.tools.dvc.cache import Cache, remove, size_of
from mlops.tools.dvc.command import StageCommand
from mlops.tools.dvc.lockfile import LockEntry, LockFile
from mlops.tools.dvc.reader import Stage, read_json_object, read_stages
from mlops.tools.progress import ReportProgress

_CHECKPOINT = 5.0
_ignoring = threading.Lock()


def execute(
    root: Path, names: Sequence[str], hashes: Hashes, say: ReportProgress, *, parallel: int = 1, force: bool = False
) -> list[str]:
    """Run the stages that are not up to date, and return their names. A stage that was run with the same inputs before
    is taken from the cache of runs.

    `say` gets a line and the fraction done. Raises MlopsError with the problems of every stage that failed; what does
    not depend on one of them is finished.
    """
    known = read_stages(root)
    run = _Run(root, {name: known[name] for name in names}, tuple(known), hashes, say, force)
    run.merge(known)
    run.entries = run.lock.entries()
    try:
        run.walk(parallel)
    finally:
        run.merge(known)
    if run.errors:
        raise MlopsError(*(problem for error in run.errors.values() for problem in error.problems))
    return run.done


@dataclass
class _Run:
    root: Path
    stages: Mapping[str, Stage]
    order: Sequence[str]
    hashes: Hashes
    say: ReportProgress
    force: bool
    entries: dict[str, LockEntry] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    errors: dict[str, MlopsError] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock, self.cache = LockFile(self.root), Cache(self.root)
        self.merged_at = time.monotonic()

    def merge(self, known: Mapping[str, Stage]) -> None:
        """Put what was finished since the last time into dvc.lock and .gitignore."""
        finished = [known[name] for name in self.lock.finished() if name in known]
        ignore(self.root, [out.path for stage in finished for out in stage.outs if out.cache])
        self.lock.merge(self.order)
        self.merged_at = time.monotonic()

    def walk(self, parallel: int) -> None:
        makers = {out.path: name for name, stage in self.stages.items() for out in stage.outs}
        waits = {name: _needs(stage, makers) - {name} for name, stage in self.stages.items()}
        running: dict[Future[None], str] = {}
        with ThreadPoolExecutor(max_workers=max(1, parallel), thread_name_prefix="stage") as pool:
            while waits or running:
                for name in [name for name, needs in waits.items() if not needs][: parallel - len(running)]:
                    del waits[name]
                    running[pool.submit(self._one, name)] = name
                if not running:
                    break
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._finished(running.pop(future), future, waits)

    def _finished(self, name: str, future: Future[None], waits: dict[str, set[str]]) -> None:
        try:
            future.result()
            for needs in waits.values():
                needs.discard(name)
        except MlopsError as error:
            self.errors[name] = error
        if time.monotonic() - self.merged_at > _CHECKPOINT:
            self.merge(self.stages)

    def _one(self, name: str) -> None:
        stage = self.stages[name]
        wanted = self._wanted(stage)
        if not self.force and self._is_up_to_date(stage, wanted):
            for out in stage.outs:
                if not (self.root / out.path).exists():
                    self._fetch(out.path)
            return
        self.done.append(name)
        past = None if self.force else self.cache.past_run(wanted)
        if past is not None:
            self.say(f"{name}: made before, taken from the cache", None)
            for out in past["outs"]:
                self.cache.get(out["md5"], self.root / out["path"])
            self._write_down(name, past)
            return
        for out in stage.outs:
            if not out.persist:
                remove(self.root / out.path)
            (self.root / out.path).parent.mkdir(parents=True, exist_ok=True)
        StageCommand(self.root, stage.name, stage.cmd, self.say).run()
        if self._wanted(stage) != wanted:
            raise MlopsError.of(
                "stage's inputs moved",
                f"What stage {name} reads changed while it ran, so what it made is of neither. It is not written down; run "
                "the same command again.",
            )
        for out in stage.outs:
            if not (self.root / out.path).exists():
                raise ToolFailed.of(
                    "stage made no output",
                    f"`{stage.cmd}` ended well, and {out.path} is not there. It is stage {name}.",
                )
            self.cache.put(self.root / out.path, self.hashes)
        self._write_down(name, {**wanted, "outs": [self._item(out["path"]) for out in wanted["outs"]]})

    def _write_down(self, name: str, entry: LockEntry) -> None:
        self.cache.keep_run(entry)
        self.lock.finish(name, entry)
        self.entries[name] = entry

    def _wanted(self, stage: Stage) -> LockEntry:
        """Return what dvc.lock would say of the stage, with only the paths of its outputs. Raises MlopsError for a
        dependency that is missing."""
        entry: LockEntry = {"cmd": stage.cmd}
        for path in stage.deps:
            if not (self.root / path).exists() and not self._fetch(path):
                is_script = path in stage.cmd.split()
                way = "Write it: mlops init --upgrade" if is_script else "Restore it: dvc checkout, or dvc pull"
                raise MlopsError.of(
                    "missing dependency", f"{path} is not there, and stage {stage.name} reads it. {way}"
                )
        deps = [self._item(path) for path in sorted(stage.deps)]
        params = params_of(self.root, stage)
        outs = [{"path": out.path, "hash": "md5"} for out in sorted(stage.outs, key=lambda out: out.path)]
        return entry | ({"deps": deps} if deps else {}) | ({"params": params} if params else {}) | {"outs": outs}

    def _fetch(self, path: str) -> bool:
        """Bring an output that dvc.lock names, and that is in the cache alone, back to its place."""
        for entry in self.entries.values():
            for out in entry.get("outs", ()):
                if out["path"] == path and self.cache.has(out["md5"]):
                    self.cache.get(out["md5"], self.root / path)
                    return True
        return False

    def _item(self, path: str) -> dict[str, Any]:
        at = self.root / path
        size, count = size_of(at)
        item: dict[str, Any] = {"path": path, "hash": "md5", "md5": self.hashes.tree(at), "size": size}
        if count is not None:
            return {**item, "nfiles": count}
        return {**item, "isexec": True} if os.access(at, os.X_OK) else item

    def _is_up_to_date(self, stage: Stage, wanted: LockEntry) -> bool:
        entry = self.entries.get(stage.name)
        if entry is None or {**_without_repeats(entry), "outs": wanted["outs"]} != _without_repeats(wanted):
            return False
        made = {out["path"]: out["md5"] for out in entry.get("outs", ())}
        return all(self._is_there(out.path, made.get(out.path), out.cache) for out in stage.outs)

    def _is_there(self, path: str, md5: str | None, cached: bool) -> bool:
        if (self.root / path).exists():
            return self.hashes.tree(self.root / path) == md5
        return md5 is not None and cached and self.cache.has(md5)


def _without_repeats(entry: LockEntry) -> LockEntry:
    """Return an entry that names each dependency once: dvc.lock names one as often as dvc.yaml does, which may be more often
    than it was when the entry was written."""
    if "deps" not in entry:
        return entry
    return {**entry, "deps": list({item["path"]: item for item in entry["deps"]}.values())}


def params_of(root: Path, stage: Stage) -> dict[str, dict[str, Any]]:
    """Return file -> key -> value, as dvc.lock has them. Raises MlopsError for a key that is missing."""
    return {file: _chosen(root, file, keys) for file, keys in sorted(stage.params.items())}


def _chosen(root: Path, file: str, keys: Sequence[str]) -> dict[str, Any]:
    values = read_json_object(root / file)
    missing = [key for key in keys if key not in values]
    if missing:
        raise MlopsError.of("missing parameter", f"{file} has no `{missing[0]}`. Write it again: mlops render")
    return {key: values[key] for key in sorted(keys)}


def _needs(stage: Stage, makers: Mapping[str, str]) -> set[str]:
    """Return the stages whose outputs it reads, or whose outputs are inside, or around, what it reads."""
    found: set[str] = set()
    for path in stage.deps:
        parts = path.split("/")
        found |= {makers[p] for i in range(len(parts)) if (p := "/".join(parts[: i + 1])) in makers}
    inside = tuple(f"{path}/" for path in stage.deps)
    return found | ({name for out, name in makers.items() if out.startswith(inside)} if inside else set())


def ignore(root: Path, paths: Sequence[str]) -> None:
    """Name outputs that DVC keeps in the .gitignore beside them, unless git ignores them already."""
    if not paths or not (root / ".git").exists():
        return
    with _ignoring:
        asked = subprocess.run(
            ["git", "check-ignore", "--no-index", "--stdin"], cwd=root, input="\n".join(paths), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        for path in sorted(set(paths) - set(asked.stdout.splitlines())):
            parent, _, name = path.rpartition("/")
            file = root / parent / ".gitignore"
            text = file.read_text() if file.exists() else ""
            if f"/{name}" not in text.splitlines():
                file.write_text(f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}/{name}\n")
