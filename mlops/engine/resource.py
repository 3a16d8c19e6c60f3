"""What the engine knows of a resource, and what a kind must be able to do.

Lives here: Action, Desired, Record, Observed, PartChange, Effect, Step, Outcome and the Kind protocol.
Not here: deciding (plan), doing (apply), storing (store).
Law: what is stored is plain JSON-able data; a category is an opaque word with a rank.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from mlops.address import Address

Json = Any
"""A JSON value: None, bool, int, float, str, list or str-keyed dict of these."""


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    RUN = "run"
    MAYBE = "if-upstream-changes"
    FORGET = "forget"
    ADOPT = "adopt"
    MOVE = "move"
    NOOP = "no-op"

    @property
    def changes_something(self) -> bool:
        """Say whether a change is pending: the world, or the address of a record, differs afterwards."""
        return self not in (Action.NOOP, Action.ADOPT)

    @property
    def only_rewrites_record(self) -> bool:
        """Say whether the state alone is written, and no kind is asked to do anything."""
        return self in (Action.ADOPT, Action.MOVE)

    @property
    def removes_record(self) -> bool:
        """Say whether the state has no record of the resource afterwards."""
        return self in (Action.DELETE, Action.FORGET)

    @property
    def creates(self) -> bool:
        return self in (Action.CREATE, Action.REPLACE)

    @property
    def destroys(self) -> bool:
        """Say whether something that exists in the world is taken away, be it to be made again."""
        return self in (Action.DELETE, Action.REPLACE)

    @property
    def changes_existing(self) -> bool:
        return self in (Action.UPDATE, Action.REPLACE)

    @property
    def runs_again(self) -> bool:
        return self is Action.RUN


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change means: a category that is opaque to the engine, how much it matters (higher is more), and how it is
    carried out."""

    category: str
    rank: int
    action: Action = Action.UPDATE
    keeps: bool = False
    """The change leaves every output as it was, so nothing downstream has to wait for it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something happens: a sentence fragment, the place in the configuration, or the resource that causes it."""

    text: str
    source: str | None = None
    cause: Address | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """An edge of the graph. With `output`, the resource uses the value of that output of `address`, and a change of it
    matters; without, only the order does."""

    address: Address
    on_change: Effect | Callable[[], Effect] | None = None
    """The effect of such a change, or a function that returns it: most plans never ask."""
    output: str | None = None
    words: str = ""
    """How the condition is written, such as "new baseline"; empty for the usual words."""
    follows: bool = False
    """The resource always uses what `address` gives now: a rollback of the resource does not go back here."""

    @property
    def effect(self) -> Effect | None:
        return self.on_change() if callable(self.on_change) else self.on_change


@dataclass(frozen=True, slots=True)
class Secret:
    """Stands for a secret in `Desired.inputs`. `digest` is a salted HMAC, None where the value cannot be read now."""

    name: str
    digest: str | None

    def as_json(self) -> Json:
        return {"$secret": self.name, "$hmac": self.digest}


@dataclass(frozen=True)
class Desired:
    """What the configuration declares of one resource.

    `inputs`: nested JSON, defaults left out; a secret is `Secret.as_json()`. `effective`: the same with every default
    filled in and units parsed, which a kind reads and nobody compares. `origins`: dotted path of an input -> the place
    that sets it (`conf/model/delay.yaml:14`, `command line`).
    """

    address: Address
    inputs: Mapping[str, Json]
    depends_on: tuple[Dependency, ...] = ()
    protect: bool = False
    origins: Mapping[str, str] = field(default_factory=dict)
    effective: Mapping[str, Json] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Record:
    """What the last apply wrote down.

    `upstream`: `kind.name:output` -> the value that was consumed.
    `outputs`: has at least `digest` once the resource was made. `complete` is False where an apply failed half way.
    """

    address: Address
    inputs: Mapping[str, Json]
    outputs: Mapping[str, Json]
    upstream: Mapping[str, Json] = field(default_factory=dict)
    depends_on: tuple[Address, ...] = ()
    protect: bool = False
    complete: bool = True
    serial: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)
    """Fields that a newer version wrote; they are kept."""
    rolled_back_to: int | None = None
    """The serial of the version that a rollback went back to, where nothing was applied since."""


@dataclass(frozen=True)
class Restore:
    """A version of a resource to go back to.

    `upstream`: of each dependency, the version whose outputs were consumed then. `at_once`: in one move, where the kind
    would otherwise take steps.
    """

    record: Record
    upstream: Mapping[Address, Record] = field(default_factory=dict)
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """A field whose value in the world differs from the recorded one."""

    path: str
    recorded: Json
    observed: Json
    effect: Effect


@dataclass(frozen=True, slots=True)
class Stale:
    """Why a resource must be made again although none of its fields changed, such as an output that is gone."""

    reason: Reason
    effect: Effect


@dataclass(frozen=True, slots=True)
class Attention:
    """A message in the plan that changes nothing, such as a finding of a monitor. `address`: the resource that it is
    about; None where it is about the project. `is_fault`: what was applied does not work, or nobody could look at it, so
    a plan without changes is no proof that all is well."""

    address: Address | None
    summary: str
    lines: tuple[str, ...] = ()
    proposal: str | None = None
    commands: tuple[str, ...] = ()
    is_fault: bool = False


@dataclass(frozen=True, slots=True)
class PartChange:
    """A change of something inside a resource, such as an object of a cluster. `fields`: path, before, after; secrets
    are masked. `loses_data`: what it holds is gone with the change, so an apply has to be allowed to by name."""

    name: str
    action: Action
    fields: tuple[tuple[str, Json, Json], ...] = ()
    loses_data: bool = False


@dataclass(frozen=True)
class Observed:
    """What the world shows of a resource.

    `recorded`: what counts as recorded: usually the record of the state, but a durable truth elsewhere (`dvc.lock`) may
    replace it. `adopted`: the state has no record, and that truth stands in for it. `parts`: what a change would do
    inside. `obstacles`: sentences that say why a change cannot be carried out as things stand. `holds_data`: the parts
    that hold data which nothing can make anew.
    """

    recorded: Record | None
    exists: bool = True
    adopted: bool = False
    drift: tuple[FieldDrift, ...] = ()
    stale: tuple[Stale, ...] = ()
    attention: tuple[Attention, ...] = ()
    parts: tuple[PartChange, ...] = ()
    obstacles: tuple[str, ...] = ()
    holds_data: tuple[str, ...] = ()

    def parts_of(self, action: Action) -> tuple[PartChange, ...]:
        """Return the parts that change where the resource does. Those that hold data say so where they go, and a resource that goes
        takes them along."""
        held = self.holds_data
        parts = [replace(part, loses_data=part.action.destroys and part.name in held) for part in self.parts]
        going = {part.name for part in parts if part.action.destroys}
        if action.destroys:
            parts = [part for part in parts if part.name in going or part.name not in held]
            parts += [PartChange(name, action, loses_data=True) for name in held if name not in going]
        return tuple(parts)


@dataclass(frozen=True, slots=True)
class FieldChange:
    path: str
    before: Json
    after: Json
    effect: Effect
    source: str | None = None
    secret: bool = False
    default: Json = None
    """What applies on the side where the field is not set."""


@dataclass(frozen=True)
class Step:
    """One thing that a kind has to do.

    `key` is the idempotency key: the same step after a crash has the same key. `upstream`: the outputs of every
    dependency, by address. `fields`: what changed (empty at create). `say` reports progress: a line, and the fraction
    of the work that is done or None. `restore`: the version to go back to; `upstream` then has what that version consumed.
    `waits`: whether to return when all is done, or once what lasts has begun, where something else carries it on.
    """

    address: Address
    action: Action
    category: str
    key: str
    desired: Desired | None
    recorded: Record | None
    upstream: Mapping[Address, Mapping[str, Json]] = field(default_factory=dict)
    fields: tuple[FieldChange, ...] = ()
    say: Callable[[str, float | None], None] = lambda line, fraction: None
    restore: Restore | None = None
    waits: bool = True


@dataclass(frozen=True)
class Outcome:
    """What a step made. `outputs` must hold `digest`; `note` is one line for the person who applied."""

    outputs: Mapping[str, Json]
    note: str = ""


class Kind(Protocol):
    """What each kind of resource must be able to do.

    `observe` only reads and is cheap. `create`, `update` and `delete` are idempotent: called again after a crash at
    any point, with the same key, they adopt what exists, clean what is half made, and finish. `update` serves
    UPDATE, RUN and a MAYBE whose condition came true; REPLACE is delete, then create. `restore` serves a rollback, and
    makes of the resource what `Step.restore` recorded, from nothing but that. All may raise MlopsError; an error with
    attribute `partial: Outcome` has its outputs recorded as incomplete.
    """

    name: str
    created: Effect
    deleted: Effect
    mostly_waits: bool
    """Whether its changes wait for something outside most of their time, so that any number of them go side by side."""

    @property
    def restored(self) -> Effect: ...

    def effect(self, path: str) -> Effect: ...

    def default(self, path: str, inputs: Mapping[str, Json]) -> Json:
        """Return what applies at a path that `inputs` leave out, for people to read; None for nothing. Pure."""
        ...

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed: ...

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        """Return lines that the plan adds to a change of this category: what it will cost, what it will be judged by.
        Pure."""
        ...

    def create(self, step: Step) -> Outcome: ...

    def update(self, step: Step) -> Outcome: ...

    def restore(self, step: Step) -> Outcome: ...

    def delete(self, step: Step) -> None: ...
