"""Hold what every kind works with during one command.

Lives here: Context: the project's root, settings and resources, the recorded state, hashes, dvc.lock.
Not here: any one kind, the paths (paths), what a category of change does (effects).
Law: everything is read at most once a command; a fresh Context sees the world anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.project import LoadedResource, ProjectSettings
from mlops.context.paths import ProjectPaths
from mlops.context.sources import SourceFingerprints
from mlops.context.storage import declared_remote
from mlops.engine.resource import Record
from mlops.tools.digest import Hashes
from mlops.tools.dvc.reader import Locked, Stage, read_lock, read_stages
from mlops.tools.dvc.remote import Remote, remote_of


@dataclass(frozen=True)
class Context:
    """One command's view of a project. `salt`: hexadecimal, the key with which secrets are hashed. `records`: everything
    that this environment's state holds. `resources`: everything that conf/ declares. `refresh_data`: remote sources are
    asked anew, whatever is pinned of them."""

    root: Path
    settings: ProjectSettings
    salt: str = ""
    records: Mapping[Address, Record] = field(default_factory=dict)
    resources: Mapping[Address, LoadedResource] = field(default_factory=dict)
    refresh_data: bool = False

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
    def sources(self) -> SourceFingerprints:
        """The fingerprints of data sets' sources. Where nothing is built, no remote source is asked."""
        return SourceFingerprints(
            self.root, self.hashes, self.resources.values(), refresh=self.refresh_data, may_ask=self.settings.build
        )

    @cached_property
    def lock(self) -> Mapping[str, Locked]:
        return read_lock(self.root)

    @cached_property
    def stages(self) -> Mapping[str, Stage]:
        return read_stages(self.root)

    @cached_property
    def remote(self) -> Remote | None:
        """Where outputs are kept for other machines; None where nothing names such a place."""
        return remote_of(self.root, declared_remote(self.root, self.settings.storage, self.paths.secrets))

    @cached_property
    def clusters(self) -> dict[tuple[str | None, str | None], Any]:
        """The clusters that this command has reached so far, by kubeconfig and context."""
        return {}

    @cached_property
    def fingerprints(self) -> dict[tuple[str | None, str | None, str], Any]:
        """What was found in each namespace of these clusters, by kubeconfig, context and namespace."""
        return {}

    @cached_property
    def listings(self) -> dict[tuple[str | None, str | None, str, str], Any]:
        """The objects that were found in each namespace of these clusters, by kubeconfig, context, namespace and kind."""
        return {}

    def relative(self, path: Path) -> str:
        try:
            return str(path.relative_to(self.root))
        except ValueError:
            return str(path)
