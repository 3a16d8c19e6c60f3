"""Do what most kinds have in common.

Lives here: BaseKind, which built-in kinds and those of other packages extend, and Question, what to send to an endpoint.
Not here: the engine's side of the contract (engine.resource.Kind), what a kind's files say (config.schema).
Law: `observe` only reads; create, update and delete may be called again after a crash and then finish.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from mlops.address import Address
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.effects import effect_of, field_default, field_effect
from mlops.context.secrets import missing_secrets, seal, unseal
from mlops.context.status import Status
from mlops.engine.plan import Change
from mlops.engine.resource import Action, Dependency, Desired, Effect, Observed, Outcome, Record, Step
from mlops.errors import MlopsError, Problem


@dataclass(frozen=True, slots=True)
class Question:
    """What to send to something that answers. `rows`: the body's, as JSON objects."""

    url: str
    headers: Mapping[str, str]
    rows: tuple[Mapping[str, Any], ...]


class BaseKind:
    """A kind has a `name` and writes `observe`, `create` and `delete`; the rest can stay as it is here.

    `context.root` is the project's folder, `context.environment` the environment, `context.paths.home` where files of
    this machine go.
    """

    name: str
    created: Effect = effect_of(Category.PROVISION)
    deleted: Effect = Effect(Category.DESTROY.value, Category.DESTROY.rank, Action.DELETE)
    keeping: ClassVar[tuple[Category, ...]] = (Category.METADATA,)
    """Categories of changes that leave every output as it was, so that nothing below has to wait for them."""
    mostly_waits: bool = False
    movable: ClassVar[bool] = False
    """Whether nothing in the world knows its address, so that `moved:` renames it and nothing happens."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        """Secrets sealed; a change of what a typed reference names is a change of the field that names it."""
        inputs: dict[str, Any] = seal(dict(resource.inputs), self.context.paths.secrets, self.context.salt)
        needs = tuple(Dependency(at, partial(self.effect, path), "digest") for path, at in resource.references)
        effective = resource.effective
        if inputs != resource.inputs:
            effective = seal(effective, self.context.paths.secrets, self.context.salt)
        return Desired(resource.address, inputs, needs, resource.protect, resource.origins, effective)

    def effect(self, path: str) -> Effect:
        """What the field's marker in the model says."""
        effect = field_effect(self.name, path)
        return replace(effect, keeps=effect.category in self.keeping)

    def default(self, path: str, inputs: Mapping[str, Any]) -> Any:
        """What the field's model says."""
        return field_default(self.name, path, inputs)

    def effect_of(self, category: Category) -> Effect:
        """What a change of this category means here."""
        return replace(effect_of(category), keeps=category in self.keeping)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return ()

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        return Observed(record, exists=record is not None)

    def problems(self, changes: Sequence[Change]) -> Iterator[Problem]:
        """Yield what an apply of these changes of the kind would end in, and what their files alone do not show. A plan with
        problems is refused before anything is done; `--no-preflight` leaves them for the apply to meet."""
        for change in changes:
            resource = self.context.resources.get(change.address)
            if resource is not None and change.category != Category.METADATA:
                yield from missing_secrets(resource, self.context.paths.secrets)

    def must_wait(self, changes: Sequence[Change]) -> Iterator[Problem]:
        """Yield why an apply has to stay until these changes of the kind are done (`--no-wait`), where it has to although they last."""
        yield from ()

    def create(self, step: Step) -> Outcome:
        raise NotImplementedError

    def update(self, step: Step) -> Outcome:
        """Serves changes; `create` does, where a kind makes the same of both."""
        return self.create(step)

    @property
    def restored(self) -> Effect:
        """What going back to an earlier version means."""
        return replace(self.created, action=Action.UPDATE)

    def restore(self, step: Step) -> Outcome:
        """Serves rollbacks: make of it what `step.restore` recorded. `update` does, where it makes the same of the same inputs
        and upstream outputs, which the step has as that version had them."""
        return self.create(step) if step.action.creates else self.update(step)

    def delete(self, step: Step) -> None:
        raise NotImplementedError

    def pinned(self, address: Address) -> Mapping[str, Any] | None:
        """The inputs that something outside the state, such as dvc.lock, holds of it; None where nothing does."""
        return None

    @classmethod
    def as_declared(cls, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return recorded inputs as a file of the kind says them, without what `desire` added."""
        return inputs

    def pins(self, desired: Desired) -> Mapping[str, str]:
        """Name -> digest of what a saved plan of this resource depends on besides its inputs, such as the content of files."""
        return {}

    def status(self, record: Record) -> Status:
        """Say how it is doing; called for what was completely applied."""
        return Status()

    logs_while_made: ClassVar[bool] = False
    """Whether it has logs before it is applied for the first time; `logs` is given a record without outputs then."""

    def logs(self, record: Record) -> tuple[Path, ...]:
        """The newest log files of its processes; empty where it has none."""
        return ()

    def question(self, record: Record, rows: Iterable[Mapping[str, Any]] | None) -> Question:
        """Say where and how to ask it; without rows, with some of its own. Raises MlopsError where nothing answers."""
        raise MlopsError.of(
            "cannot be asked",
            f"A {record.address.kind} answers no requests; an endpoint does. Endpoints: mlops status",
            address=str(record.address),
        )

    def record_lines(self, record: Record) -> tuple[str, ...]:
        """Return what `mlops show` says of it in sentences, beside the values that are recorded."""
        return ()

    def acknowledge(self, record: Record, *, who: str, reason: str, finding_id: str | None) -> list[str]:
        """Close its open findings, and return their names. Raises MlopsError where it finds nothing."""
        raise MlopsError.of(
            "nothing to acknowledge",
            f"A {record.address.kind} has no findings; a monitor has. Monitors: mlops status",
            address=str(record.address),
        )

    def missing_tools(self, inputs: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
        """Return (program, what was found or empty, what to do) of what a resource with these inputs needs, for
        `mlops doctor`."""
        return ()

    def extras(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the extras of this package, such as `data`, that a resource with these inputs needs on this machine."""
        return ()

    def override_hint(self, address: Address, path: str, value: str) -> str:
        """The edit of the YAML that would keep an override."""
        return f"To keep it, say in conf/{address.kind}/{address.name}.yaml:  {path}: {value}"

    def secret(self, inputs: Mapping[str, Any], field: str) -> str:
        """The value of the secret that a top-level field names. Raises MlopsError where it has none."""
        return unseal(inputs[field], self.context.paths.secrets, field=field)
