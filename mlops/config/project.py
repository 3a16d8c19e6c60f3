"""Hold what conf/ says, composed and judged.

Lives here: ProjectSpec, ProjectSettings, LoadedResource; plain data that imports no pydantic.
Not here: reading files (files), composing (compose), judging (judge).
Law: is there without pydantic, and equal files give equal projects.
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
from mlops.errors import MlopsError, Source

if TYPE_CHECKING:
    from mlops.config.schema.project_file import Pulumi, Registry, Training

Json = Any
COMMAND_LINE = "command line"


def _defaults(name: str) -> Any:
    """Settings made by hand, without a project's file; imports pydantic."""
    from mlops.config.schema import project_file

    return typed(effective_json(getattr(project_file, name)()))


@dataclass(frozen=True)
class ProjectSettings:
    """What conf/project.yaml and the environment's file say of the project as a whole.

    `state_url` None means `.mlops/state.db`; a secret in it stands as `${secret:NAME}` unless `load` was told how to
    resolve one. `build`: whether data sets and models may be made here. `protect`: the kinds that refuse to be deleted
    unless their file says otherwise. `training`, `pulumi`, `registry`: objects with the fields of these models, every
    default filled in, secrets as `${secret:NAME}`. `concurrency`: how many changes apply carries out at once; `stages`: how
    many DVC stages among them. `moved`: old address -> new; `removed`: addresses to forget.
    """

    name: str
    environment: str
    allow_targets: tuple[str, ...] = ()
    state_url: str | None = None
    build: bool = True
    protect: tuple[str, ...] = ()
    training: Training = field(default_factory=lambda: _defaults("Training"))
    concurrency: int = 4
    stages: int = 1
    description: str = ""
    moved: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    pulumi: Pulumi = field(default_factory=lambda: _defaults("Pulumi"))
    registry: Registry | None = None
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class LoadedResource:
    """One resource, judged.

    `inputs`: nested JSON, defaults left out, secrets as `${secret:NAME}`, outputs as `${output:ADDRESS.NAME}`.
    `origins`: dotted path of every input, those of mappings and list items too -> where the value that won was said.
    `references`: the dotted path of a field -> the resource that it names.
    `effective`: `inputs` with every default filled in and units parsed, to be read by attributes like the kind's model.
    """

    address: Address
    inputs: Mapping[str, Json]
    origins: Mapping[str, str] = field(compare=False)
    references: tuple[tuple[str, Address], ...]
    protect: bool
    effective: Any = field(default=None, compare=False)

    def origin(self, path: str) -> str | None:
        """Where `path` was said, or the nearest field above it; None where the files say nothing of it."""
        while path:
            if path in self.origins:
                return self.origins[path]
            path = path.rpartition(".")[0]
        return None


@dataclass(frozen=True)
class ProjectSpec:
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
        """Of what is said, not of how or where: a comment, or a value moved to another file, leaves it as it is."""
        said = {str(address): resource.inputs for address, resource in self.resources.items()}
        settings = {key: value for key, value in vars(self.settings).items() if key not in ("origins", "state_url")}
        text = json.dumps([settings, said], sort_keys=True, separators=(",", ":"), default=dict)
        return hashlib.sha256(text.encode()).hexdigest()


def project_from_json(payload: Mapping[str, Json], *, root: Path, overrides: tuple[str, ...]) -> ProjectSpec:
    """From what `judge` returned, or the cache kept of it. Raises KeyError, TypeError or ValueError for another shape."""
    settings = {**payload["settings"]}
    for name in ("allow_targets", "protect", "removed"):
        settings[name] = tuple(settings[name])
    for name in ("training", "pulumi", "registry"):
        settings[name] = typed(settings[name])
    resources: dict[Address, LoadedResource] = {}
    for text, told in payload["resources"].items():
        address = Address.parse(text)
        references = tuple((path, Address.parse(target)) for path, target in told["references"])
        effective = typed(told["effective"])
        resources[address] = LoadedResource(
            address, told["inputs"], told["origins"], references, told["protect"], effective
        )
    return ProjectSpec(root, ProjectSettings(**settings), resources, overrides)


def with_secrets(settings: ProjectSettings, resolve: Callable[[str], str | None]) -> ProjectSettings:
    """The same with the secrets of the state's address filled in. Raises MlopsError for one that has no value."""
    url = settings.state_url
    while url and (start := url.find("${secret:")) >= 0:
        end = url.index("}", start)
        name = url[start + len("${secret:") : end]
        value = resolve(name)
        if value is None:
            said = settings.origins.get("state.url", "")
            file, _, line = said.rpartition(":")
            raise MlopsError.of(
                "secret has no value",
                f"`state.url` needs the secret {name}. Set the environment variable {name}, or put the value into "
                f".mlops/secrets/{name} with mode 0600.",
                source=Source(file, int(line)) if file and line.isdigit() else None,
            )
        url = url[:start] + value + url[end + 1 :]
    return replace(settings, state_url=url)
