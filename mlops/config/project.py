"""Hold what conf/ says, composed and judged.

Lives here: ProjectSpec, ProjectSettings, LoadedResource; plain data that imports no pydantic.
Not here: reading files and composing them (compose), judging (validate).
Law: reading a judged project imports no pydantic, and equal files give equal projects.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.config.effective import effective_json, typed
from mlops.config.schema.database_url import url_fault
from mlops.errors import FileLocation, InvalidConfig, MlopsError, Problem

if TYPE_CHECKING:
    from mlops.config.schema.alerts import AlertSettings
    from mlops.config.schema.project_file import PulumiSettings, RegistrySettings, TrainingSettings
    from mlops.config.schema.storage import StorageSettings
    from mlops.config.schema.watch import WatchSettings

COMMAND_LINE = "command line"


def _defaults(name: str) -> Any:
    """Return the defaults of a model of project_file, for settings that no file says. Imports pydantic."""
    from mlops.config.schema import project_file

    return typed(effective_json(getattr(project_file, name)()))


@dataclass(frozen=True)
class ProjectSettings:
    """What conf/project.yaml and the environment's file say of the project as a whole.

    `state_url` None means `.mlops/state.db`; a secret in it stands as `${secret:NAME}` until
    `with_secrets` resolves it. `build`: whether data sets and models may be made here. `protect`: the kinds that refuse to be deleted
    unless their file says otherwise. `training`, `pulumi`, `registry`, `storage`, `alerts`, `watch`: objects with the fields of these models, every
    default filled in, secrets as `${secret:NAME}`. `concurrency`: how many changes apply carries out at once; `stages`: how
    many DVC stages among them. `moved`: old address -> new; `removed`: addresses to forget.
    """

    name: str
    environment: str
    allow_targets: tuple[str, ...] = ()
    state_url: str | None = None
    build: bool = True
    protect: tuple[str, ...] = ()
    training: TrainingSettings = field(default_factory=lambda: _defaults("TrainingSettings"))
    concurrency: int = 4
    stages: int = 1
    description: str = ""
    moved: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    pulumi: PulumiSettings = field(default_factory=lambda: _defaults("PulumiSettings"))
    registry: RegistrySettings | None = None
    storage: StorageSettings | None = None
    alerts: AlertSettings | None = None
    watch: WatchSettings | None = None
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class LoadedResource:
    """One resource, judged.

    `inputs`: nested JSON, defaults left out, secrets as `${secret:NAME}`, outputs as `${output:ADDRESS.NAME}`.
    `origins`: dotted path of every input, those of mappings and list items too -> where the value that won was written.
    `references`: the dotted path of a field -> the resource that it names.
    `effective`: `inputs` with every default filled in and units parsed, to be read by attributes like the kind's model.
    """

    address: Address
    inputs: Mapping[str, Any]
    origins: Mapping[str, str] = field(compare=False)
    references: tuple[tuple[str, Address], ...]
    protect: bool
    effective: Any = field(default=None, compare=False)

    def origin(self, path: str) -> str | None:
        """Return where `path` was written, or the nearest field above it; None where the files say nothing of it."""
        while path:
            if path in self.origins:
                return self.origins[path]
            path = path.rpartition(".")[0]
        return None

    def source(self, path: str) -> FileLocation | None:
        """Return the same as a place in a file; None where the files say nothing of it."""
        origin = self.origin(path)
        if origin is None:
            return None
        file, _, line = origin.rpartition(":")
        return FileLocation(file, int(line)) if file and line.isdigit() else FileLocation(origin)


@dataclass(frozen=True)
class ProjectSpec:
    """A project in one environment: its settings and every resource that conf/ declares, judged."""

    root: Path
    settings: ProjectSettings
    resources: Mapping[Address, LoadedResource]
    overrides: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def environment(self) -> str:
        return self.settings.environment

    @cached_property
    def digest(self) -> str:
        """The digest of the values, not of how or where they are written: a comment, or a value moved to another file, leaves
        it as it is."""
        inputs = {str(address): resource.inputs for address, resource in self.resources.items()}
        left_out = ("origins", "state_url", "watch", *(() if self.settings.alerts else ("alerts",)))
        settings = {key: value for key, value in vars(self.settings).items() if key not in left_out}
        text = json.dumps([settings, inputs], sort_keys=True, separators=(",", ":"), default=dict)
        return hashlib.sha256(text.encode()).hexdigest()


def project_from_json(payload: Mapping[str, Any], *, root: Path, overrides: tuple[str, ...]) -> ProjectSpec:
    """Read what `judge` returned, or the cache kept of it. Raises KeyError, TypeError or ValueError for another shape."""
    settings = {**payload["settings"]}
    for name in ("allow_targets", "protect", "removed"):
        settings[name] = tuple(settings[name])
    for name in ("training", "pulumi", "registry", "storage", "alerts", "watch"):
        settings[name] = typed(settings[name])
    resources: dict[Address, LoadedResource] = {}
    for text, judged in payload["resources"].items():
        address = Address.parse(text)
        references = tuple((path, Address.parse(target)) for path, target in judged["references"])
        effective = typed(judged["effective"])
        resources[address] = LoadedResource(
            address, judged["inputs"], judged["origins"], references, judged["protect"], effective
        )
    return ProjectSpec(root, ProjectSettings(**settings), resources, overrides)


def with_secrets(settings: ProjectSettings, resolve: Callable[[str], str | None]) -> ProjectSettings:
    """Return the settings with the secrets of the state's URL filled in. Raises MlopsError for one that has no value, and
    InvalidConfig where the whole is no address of a database."""
    url = settings.state_url
    origin = settings.origins.get("state.url", "")
    file, _, line = origin.rpartition(":")
    source = FileLocation(file, int(line)) if file and line.isdigit() else None
    names: list[str] = []
    while url and (start := url.find("${secret:")) >= 0:
        end = url.index("}", start)
        name = url[start + len("${secret:") : end]
        value = resolve(name)
        if value is None:
            raise MlopsError.of(
                "secret has no value",
                f"`state.url` needs the secret {name}. Set the environment variable {name}, or put the value into "
                f".mlops/secrets/{name} with mode 0600.",
                source=source,
            )
        names.append(name)
        url = url[:start] + value + url[end + 1 :]
    if url and (fault := url_fault(url)) is not None:
        whose = f", with {' and '.join(names)} filled in" if names else ""
        raise InvalidConfig(Problem("value does not fit", f"`state.url`{whose}: {fault}.", source=source))
    return replace(settings, state_url=url)
