"""Say what a kind does.

Lives here: PluginKind, which does what most kinds have in common, and the engine's words that a kind speaks in.
Not here: what its files say (fields), the engine's side of the contract (engine.resource.Kind).
Law: `observe` only reads; create, update and delete may be called again after a crash and then finish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from mlops.address import Address
from mlops.engine.resource import Action, Dependency, Desired, Effect
from mlops.engine.resource import Observed as Observed
from mlops.engine.resource import Outcome as Outcome
from mlops.engine.resource import Reason as Reason
from mlops.engine.resource import Record as Record
from mlops.engine.resource import Stale as Stale
from mlops.engine.resource import Step as Step
from mlops.errors import MlopsError as MlopsError
from mlops.kinds.ground import Ground as Ground
from mlops.kinds.ground import field_effect
from mlops.kinds.secrets import seal, unseal
from mlops.spec.category import Category
from mlops.spec.project import LoadedResource, Project


def effect_of(category: Category) -> Effect:
    """Of a change of this category, carried out as an update."""
    return Effect(category.value, category.rank)


class PluginKind:
    """A kind has a `name` and writes `observe`, `create`, `update` and `delete`; the rest can stay as it is here.

    `ground.root` is the project's folder, `ground.environment` the environment, `ground.places.home` where files of
    this machine go.
    """

    name: ClassVar[str]
    created: Effect = effect_of(Category.PROVISION)
    movable: ClassVar[bool] = False
    """Whether nothing in the world knows its address, so that `moved:` renames it and nothing happens."""
    deleted: Effect = Effect(Category.DESTROY.value, Category.DESTROY.rank, Action.DELETE)

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def desire(self, resource: LoadedResource, project: Project) -> Desired:
        """Secrets sealed; a change of what a typed reference names is a change of the field that names it."""
        inputs: dict[str, Any] = seal(dict(resource.inputs), self.ground.places.secrets, self.ground.salt)
        needs = tuple(Dependency(at, partial(self.effect, path), "digest") for path, at in resource.references)
        return Desired(resource.address, inputs, needs, resource.protect, resource.origins)

    def effect(self, path: str) -> Effect:
        """What the field's marker in the model says; all but METADATA may change what is made."""
        told = field_effect(self.name, path)
        return replace(told, keeps=told.category == Category.METADATA)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        return Observed(record, exists=record is not None)

    def create(self, step: Step) -> Outcome:
        raise NotImplementedError

    def update(self, step: Step) -> Outcome:
        return self.create(step)

    def delete(self, step: Step) -> None:
        raise NotImplementedError

    def secret(self, inputs: Mapping[str, Any], field: str) -> str:
        """The value of the secret that a top-level field names. Raises MlopsError where it has none."""
        return unseal(inputs[field], self.ground.places.secrets, field=field)
