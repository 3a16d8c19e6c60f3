"""Hold what every kind stands on.

Lives here: Context (root, environment, what was recorded, hashes, dvc.lock), ProjectPaths (the paths below .mlops/), effects.
Not here: any one kind.
Law: read once a command; a fresh one sees the world anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.project import LoadedResource, ProjectSettings
from mlops.config.schema.category import Category
from mlops.engine.resource import Action, Effect, Json, Record
from mlops.tools.digest import Hashes
from mlops.tools.dvc.reader import Locked, Stage, read_lock, read_stages

KEEPING = (Category.METADATA, Category.REEVALUATE, Category.RESCALE, Category.RECONFIGURE)
_RUNS = (Category.REPROCESS, Category.RETRAIN)
METADATA = ("description", "owner")


@dataclass(frozen=True)
class ProjectPaths:
    """Where things lie on this machine."""

    root: Path
    environment: str

    @property
    def home(self) -> Path:
        return self.root / ".mlops"

    @property
    def bentos(self) -> Path:
        return self.home / "bentos"

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def proposals(self) -> Path:
        return self.home / "proposals"

    def run(self, stack: str) -> Path:
        return self.home / "run" / self.environment / stack

    def sockets(self, stack: str) -> Path:
        """In the temporary directory: the path of a Unix socket has at most 107 characters."""
        digest = hashlib.sha256(str(self.run(stack).absolute()).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"mlops-{digest}"

    @property
    def building(self) -> Path:
        """In the temporary directory: BentoML builds nothing below a hidden folder."""
        return Path(tempfile.gettempdir()) / f"mlops-build-{os.getuid()}"

    def training_log(self, model: str) -> Path:
        """Of the newest run on a cluster."""
        return self.home / "run" / self.environment / "training" / f"{model}.log"

    def monitor(self, name: str) -> Path:
        return self.home / "run" / self.environment / "monitors" / name


@dataclass(frozen=True)
class Context:
    """`salt`: what secrets are hashed with. `records`: all that this environment's state holds.
    `resources`: all that conf/ declares."""

    root: Path
    settings: ProjectSettings
    salt: str = ""
    records: Mapping[Address, Record] = field(default_factory=dict)
    resources: Mapping[Address, LoadedResource] = field(default_factory=dict)

    @property
    def environment(self) -> str:
        return self.settings.environment

    @cached_property
    def paths(self) -> ProjectPaths:
        return ProjectPaths(self.root, self.environment)

    @cached_property
    def hashes(self) -> Hashes:
        return Hashes(self.root / ".mlops" / "cache" / "hashes.json")

    @cached_property
    def lock(self) -> Mapping[str, Locked]:
        return read_lock(self.root)

    @cached_property
    def stages(self) -> Mapping[str, Stage]:
        return read_stages(self.root)

    @cached_property
    def clusters(self) -> dict[tuple[str | None, str | None], Any]:
        """Those that were asked so far, by kubeconfig and context."""
        return {}

    @cached_property
    def prints(self) -> dict[tuple[str | None, str | None, str], Any]:
        """What was found in each of their namespaces."""
        return {}

    def relative(self, path: Path) -> str:
        try:
            return str(path.relative_to(self.root))
        except ValueError:
            return str(path)


def effect_of(category: Category) -> Effect:
    action = Action.RUN if category in _RUNS else Action.UPDATE
    return Effect(category.value, category.rank, action, keeps=category in KEEPING)


def field_effect(kind: str, path: str) -> Effect:
    """What the spec's own marker says of a field."""
    from mlops.config.schema.json_schema import category_of

    return effect_of(category_of(kind, path))


def without(inputs: Mapping[str, Json], *names: str) -> dict[str, Json]:
    return {key: value for key, value in inputs.items() if key not in names}


def metadata(record: Record | None, desired: Mapping[str, Json], *more: str) -> dict[str, Json]:
    """Fields that dvc.lock does not hold: as this environment recorded them, else as they are said."""
    source = desired if record is None else record.inputs
    return {key: source[key] for key in (*METADATA, *more) if key in source}
