"""Put the kinds together.

Lives here: build_kinds, desire_all, acting, MOVABLE.
Not here: any kind.
Law: one object a kind, for one command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mlops.address import Address
from mlops.engine.resource import Desired, Kind
from mlops.kinds.dataset import DatasetKind
from mlops.kinds.endpoint import EndpointKind
from mlops.kinds.ground import Ground
from mlops.kinds.model import ModelKind
from mlops.kinds.monitor import MonitorKind
from mlops.kinds.outputs import Filling, output_dependencies
from mlops.kinds.package import PackageKind
from mlops.kinds.stack import StackKind
from mlops.spec.project import KINDS, LoadedResource, Project
from mlops.spec.vocabulary import kind_of

MOVABLE: tuple[str, ...] = ()
"""The built-in kinds whose world does not know their addresses."""


class Word(Kind, Protocol):
    def desire(self, resource: LoadedResource, project: Project) -> Desired:
        """What the spec says, in the engine's terms."""
        ...


def build_kinds(ground: Ground, project: Project) -> Mapping[str, Word]:
    resources = project.resources
    used = {at.kind for at in (*resources, *ground.records)} - set(KINDS)
    return {
        "dataset": DatasetKind(ground, resources),
        "model": ModelKind(ground, resources),
        "package": PackageKind(ground),
        "stack": StackKind(ground),
        "endpoint": EndpointKind(ground, resources),
        "monitor": MonitorKind(ground, project),
        **{name: kind_of(name)(ground) for name in sorted(used)},
    }


def desire_all(kinds: Mapping[str, Word], project: Project) -> dict[Address, Desired]:
    return {
        at: output_dependencies(kinds[at.kind].desire(resource, project), kinds[at.kind])
        for at, resource in project.resources.items()
    }


def acting(kinds: Mapping[str, Word]) -> dict[str, Kind]:
    """The kinds as the engine uses them: with the outputs of others filled in."""
    return {name: Filling(kind) for name, kind in kinds.items()}
