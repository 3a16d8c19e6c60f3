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
from typing import Any

from mlops.address import Address
from mlops.errors import MlopsError, Source

Json = Any
COMMAND_LINE = "command line"


@dataclass(frozen=True)
class ProjectSettings:
    """What conf/project.yaml and the environment's file say of the project as a whole.

    `state_url` None means `.mlops/state.db`; a secret in it stands as `${secret:NAME}` unless `load` was told how to
    resolve one. `build`: whether data sets and models may be made here. `protect`: the kinds that refuse to be deleted
    unless their file says otherwise. `training`: where and how stages run, as settings.Training says it, defaults left out;
    `pulumi`: as settings.Pulumi says it, the passphrase as a reference. `concurrency`: how many
    changes apply carries out at once; `stages`: how many DVC stages among them. `moved`: old address -> new; `removed`: what is forgotten.
    `registry`: {url, username, password, insecure}, what is not said left out, secrets as `${secret:NAME}`.
    """

    name: str
    environment: str
    allow_targets: tuple[str, ...] = ()
    state_url: str | None = None
    build: bool = True
    protect: tuple[str, ...] = ()
    training: Mapping[str, Json] = field(default_factory=dict)
    concurrency: int = 4
    stages: int = 1
    description: str = ""
    moved: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    pulumi: Mapping[str, Json] = field(default_factory=dict)
    registry: Mapping[str, Json] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class LoadedResource:
    """One resource, judged.

    `inputs`: nested JSON, defaults left out, secrets as `${secret:NAME}`, outputs as `${output:ADDRESS.NAME}`.
    `origins`: dotted path of every input, those of mappings and list items too -> where the value that won was said.
    `references`: the dotted path of a field -> the resource that it names.
    """

    address: Address
    inputs: Mapping[str, Json]
    origins: Mapping[str, str] = field(compare=False)
    references: tuple[tuple[str, Address], ...]
    protect: bool

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

    def is_on(self, stack: str, target: str) -> bool:
        """Whether the stack of this name has this target; one that nothing declares any more has none."""
        told = self.resources.get(Address("stack", stack))
        return told is not None and told.inputs["target"] == target

    @property
    def environment(self) -> str:
        return self.settings.environment

    @cached_property
    def digest(self) -> str:
        """Of what is said, not of how or where: a comment, or a value moved to another file, leaves it as it is."""
        said = {str(address): resource.inputs for address, resource in self.resources.items()}
        settings = {key: value for key, value in vars(self.settings).items() if key not in ("origins", "state_url")}
        text = json.dumps([settings, said], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def project_from_json(payload: Mapping[str, Json], *, root: Path, overrides: tuple[str, ...]) -> ProjectSpec:
    """From what `judge` returned, or the cache kept of it. Raises KeyError, TypeError or ValueError for another shape."""
    settings = {**payload["settings"]}
    for name in ("allow_targets", "protect", "removed"):
        settings[name] = tuple(settings[name])
    resources: dict[Address, LoadedResource] = {}
    for text, told in payload["resources"].items():
        address = Address.parse(text)
        references = tuple((path, Address.parse(target)) for path, target in told["references"])
        resources[address] = LoadedResource(address, told["inputs"], told["origins"], references, told["protect"])
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
