"""Read the version of a model that a commit holds.

Lives here: CommittedVersion, version_at, and short_digest (how a version is shown).
Not here: which commit (aliases, versions), the working tree (context).
Law: a version is the digest of the model's export in dvc.lock; what was measured of it is what the same commit says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from mlops.tools.dvc import yaml12
from mlops.tools.dvc.reader import Locked, parse_lock
from mlops.tools.git_repository import GitRepository

LOCK = "dvc.lock"


def metrics_path(model: str) -> str:
    return f"metrics/model/{model}.json"


@dataclass(frozen=True)
class CommittedVersion:
    """`digest`: of the export. `trained`: the parameters of its training. `data`: the digest of the data that it learned
    from. `metrics`: as metrics/model/NAME.json; empty where the commit has none."""

    model: str
    digest: str
    data: str
    trained: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dataset(self) -> str:
        return str(self.trained.get("dataset", ""))

    @property
    def task(self) -> str:
        return str(self.trained.get("task", ""))


def version_at(git: GitRepository, commit: str, model: str) -> CommittedVersion | None:
    """Return the version of a model that the commit holds; None where it holds none that can be read."""
    lock, measured = git.ids_of([(commit, LOCK), (commit, metrics_path(model))])
    if not lock:
        return None
    return locked_version(
        locked_stages(git.text_of(lock)), model, json_object(git.text_of(measured)) if measured else {}
    )


def locked_stages(text: str) -> Mapping[str, Locked]:
    """Return the stages of a dvc.lock; none of one that cannot be read, such as one with the markers of a conflict."""
    try:
        content = yaml12.loads(text)
        return parse_lock(content) if isinstance(content, dict) else {}
    except (yaml.YAMLError, ValueError):
        return {}


def locked_version(stages: Mapping[str, Locked], model: str, metrics: Mapping[str, Any]) -> CommittedVersion | None:
    train, export = stages.get(f"train@{model}"), stages.get(f"export@{model}")
    digest = export.outs.get(f"models/{model}/export", "") if export else ""
    if train is None or not digest:
        return None
    trained = train.params.get(f"params/model/{model}.json", {}).get("train", {})
    data = train.deps.get(f"data/{trained.get('dataset', '')}", "")
    return CommittedVersion(model, digest, data, trained, metrics)


def json_object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def short_digest(digest: str) -> str:
    """Return how a digest is shown; `none` for an empty one."""
    return digest.removesuffix(".dir")[:8] or "none"
