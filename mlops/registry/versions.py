"""List the versions of a model.

Lives here: ModelVersion, model_versions: those of git's history, of the working tree, and of the state; chosen_version.
Not here: the names (aliases), where versions run (api), drawing (render).
Law: a version is one digest, whichever commits hold it; what was measured of it is what the newest of them says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlops.context.context import Context
from mlops.context.metrics_file import read_metrics
from mlops.engine.state import Version
from mlops.errors import MlopsError, near
from mlops.registry.aliases import Aliases
from mlops.registry.committed import (
    LOCK,
    CommittedVersion,
    json_object,
    locked_stages,
    locked_version,
    metrics_path,
    short_digest,
    version_at,
)
from mlops.tools.git import is_in_git
from mlops.tools.git_repository import GitCommit, GitRepository

_FEWEST = 4
"""Digits of a digest that are enough to name a version."""


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model. `commit`: the first that holds it; None where none does. `kept_in`: the newest commit that holds
    it. `names`: the aliases and versions that tags give it now. `is_present`: dvc.lock holds it here. `serial`, `at`, `who`: of
    the apply that recorded it in this environment; else of the commit. `summary`: the commit's message."""

    version: CommittedVersion
    commit: str | None = None
    kept_in: str | None = None
    names: tuple[str, ...] = ()
    is_present: bool = False
    serial: int | None = None
    at: str = ""
    who: str = ""
    summary: str = ""

    @property
    def digest(self) -> str:
        return self.version.digest


def model_versions(context: Context, model: str, recorded: Sequence[Version]) -> list[ModelVersion]:
    """Return the versions of a model, the newest first. `recorded`: the state's versions of it."""
    aliases = Aliases(context.root)
    found: dict[str, ModelVersion] = {}
    if is_in_git(context.root):
        found = _of_history(aliases, model)
    present = _present(context.root, model)
    if present is not None:
        known = found.get(present.digest, ModelVersion(present))
        version = present if present.metrics else known.version
        found[present.digest] = replace(known, version=version, is_present=True)
    for one in recorded:
        _add_recorded(found, model, one)
    return sorted(found.values(), key=lambda one: (not one.at, one.at), reverse=True)


def _present(root: Path, model: str) -> CommittedVersion | None:
    """Return the version that dvc.lock pins, also where this machine made it again with other bits."""
    try:
        text = (root / LOCK).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return locked_version(locked_stages(text), model, read_metrics(root, model) or {})


def _of_history(aliases: Aliases, model: str) -> dict[str, ModelVersion]:
    tags = aliases.tags(model)
    starts = [*filter(None, [aliases.git.head()]), *dict.fromkeys(tag.commit for tag in tags.values())]
    if not starts:
        return {}
    commits = aliases.git.commits_of(LOCK, starts)
    places = [(commit.id, path) for commit in commits for path in (LOCK, metrics_path(model))]
    ids = aliases.git.ids_of(places)
    locked = _locked(aliases, model, ids[::2])
    found: dict[str, ModelVersion] = {}
    for commit, lock, measured in reversed(list(zip(commits, ids[::2], ids[1::2], strict=True))):
        version = locked.get(lock)
        if version is not None:
            found[version.digest] = _seen(found.get(version.digest), version, commit, measured)
    for one in found.values():
        measured = one.version.metrics.get("id", "")
        metrics = json_object(aliases.git.text_of(measured)) if measured else {}
        found[one.digest] = replace(one, version=replace(one.version, metrics=metrics))
    named: dict[str, list[str]] = {}
    for name in sorted(tags):
        with suppress(MlopsError):
            named.setdefault(aliases.find(model, name).version.digest, []).append(name)
    return {digest: replace(one, names=tuple(named.get(digest, ()))) for digest, one in found.items()}


def _seen(known: ModelVersion | None, version: CommittedVersion, commit: GitCommit, measured: str) -> ModelVersion:
    """Return the version after one more commit, newer than those before. Its metrics hold the id of their content for now."""
    version = replace(version, metrics={"id": measured})
    if known is None:
        return ModelVersion(version, commit.id, commit.id, at=commit.at, who=commit.who, summary=commit.message)
    return replace(known, version=version if measured else known.version, kept_in=commit.id)


def _locked(aliases: Aliases, model: str, ids: Iterable[str]) -> dict[str, CommittedVersion]:
    """Return id of a dvc.lock -> the version of the model in it. What was read once is kept: parsing takes long."""
    found: dict[str, CommittedVersion] = {}
    for lock in filter(None, dict.fromkeys(ids)):
        path = aliases.root / ".mlops" / "cache" / "versions" / f"{lock}-{model}.json"
        kept = _read(path)
        if kept is None:
            version = locked_version(locked_stages(aliases.git.text_of(lock)), model, {})
            kept = {"digest": version.digest, "data": version.data, "trained": version.trained} if version else {}
            _keep_json(path, kept)
        if kept:
            found[lock] = CommittedVersion(model, kept["digest"], kept["data"], kept["trained"])
    return found


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _keep_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file of the cache. A failure costs only time."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(value))
        temporary.replace(path)


def _add_recorded(found: dict[str, ModelVersion], model: str, recorded: Version) -> None:
    record = recorded.record
    digest = str(record.outputs.get("digest", "")) if record else ""
    if record is None or not digest:
        return
    data = next((str(value) for key, value in record.upstream.items() if key.startswith("dataset.")), "")
    made = CommittedVersion(model, digest, data, record.inputs, record.outputs.get("metrics", {}))
    known = found.get(digest)
    if known is None:
        found[digest] = ModelVersion(made, serial=recorded.serial, at=recorded.at)
    elif known.serial is None:
        found[digest] = replace(known, serial=recorded.serial, at=known.at or recorded.at)


def chosen_version(root: Path, versions: Sequence[ModelVersion], text: str) -> ModelVersion:
    """Return the version that `text` names: an alias or a version of GTO, the beginning of a digest, a commit, or `dvc.lock`.
    Raises MlopsError where it names none, or many."""
    found = [one for one in versions if text in one.names or (text == LOCK and one.is_present)]
    found = found or [one for one in versions if len(text) >= _FEWEST and one.digest.startswith(text)]
    if not found and versions and is_in_git(root):
        git = GitRepository(root)
        commit = git.commit_named(text)
        there = version_at(git, commit, versions[0].version.model) if commit else None
        found = [one for one in versions if there is not None and one.digest == there.digest]
    if len(found) == 1:
        return found[0]
    if found:
        many = ", ".join(short_digest(one.digest) for one in found)
        raise MlopsError.of("version is ambiguous", f"`{text}` is the beginning of {many}. Write more digits.")
    known = [name for one in versions for name in (*one.names, short_digest(one.digest))]
    raise MlopsError.of(
        "no such version",
        f"`{text}` is no name, digest or commit of a version. There are: {', '.join(known[:12]) or 'none'}.",
        hint=near(text, known),
    )
