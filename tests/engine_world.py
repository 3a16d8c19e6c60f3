"""A world of things for the engine: a kind that knows no word of machine learning, and a driver that plans and applies.

Lives here: Thing (the kind), World (state in a database, things in a dictionary, a driver), thing (a desired resource).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mlops.address import Address
from mlops.engine.apply import ApplyContext, Result, apply_plan
from mlops.engine.events import Event
from mlops.engine.lease import Holder, lease
from mlops.engine.plan import Change, PlanInputs, make_plan
from mlops.engine.resource import (
    Action,
    Attention,
    Dependency,
    Desired,
    Effect,
    FieldDrift,
    Observed,
    Outcome,
    PartChange,
    Record,
    Stale,
    Step,
)
from mlops.engine.selection import Selection, half_made
from mlops.engine.state import Operation
from mlops.engine.store import DatabaseStore, open_database
from mlops.errors import MlopsError

MINOR, MAJOR, MOVE = Effect("MINOR", 1, keeps=True), Effect("MAJOR", 5), Effect("MOVE", 7, Action.REPLACE)
MADE, GONE, FOLLOW = Effect("MADE", 6), Effect("GONE", 9, Action.DELETE), Effect("FOLLOW", 4)
DEFAULTS = {"size": 7}
EFFECTS = {"color": MINOR, "place": MOVE, "protect": MINOR}


def at(name: str) -> Address:
    return Address("thing", name)


def thing(name: str, *needs: str, order_only: Sequence[str] = (), protect: bool = False, **inputs: Any) -> Desired:
    """Depends on the digests of `needs`, and comes after `order_only`."""
    consumed = tuple(Dependency(at(need), FOLLOW, "digest") for need in needs)
    after = tuple(Dependency(at(need)) for need in order_only)
    origins = {key: f"conf/thing/{name}.yaml:{line}" for line, key in enumerate(inputs, 1)}
    return Desired(at(name), inputs, consumed + after, protect, origins)


class Thing:
    """Things are entries of `world`. `broken`: names whose change fails. `touch`: called around each side effect."""

    name = "thing"
    created, deleted = MADE, GONE
    mostly_waits = False
    restored = Effect("RESTORE", 2)

    def __init__(self, world: dict[str, Any]) -> None:
        self.world = world
        self.broken: dict[str, MlopsError] = {}
        self.stale: dict[str, Stale] = {}
        self.drift: dict[str, FieldDrift] = {}
        self.attention: dict[str, Attention] = {}
        self.parts: dict[str, tuple[PartChange, ...]] = {}
        self.holds_data: dict[str, tuple[str, ...]] = {}
        self.adopted: set[str] = set()
        self.calls: list[str] = []
        self.steps: list[Step] = []
        self.touch: Callable[[str], None] = lambda where: None

    def effect(self, path: str) -> Effect:
        return EFFECTS.get(path, MAJOR)

    def default(self, path: str, inputs: Mapping[str, Any]) -> Any:
        return DEFAULTS.get(path)

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        stale = (self.stale[address.name],) if address.name in self.stale else ()
        if address.name in self.adopted and record is None and desired is not None:
            known = self.world[address.name]
            return Observed(Record(address, known["inputs"], {"digest": known["digest"]}), adopted=True)
        exists = record is None or address.name in self.world
        drift = (self.drift[address.name],) if address.name in self.drift else ()
        attention = (self.attention[address.name],) if address.name in self.attention else ()
        parts, held = self.parts.get(address.name, ()), self.holds_data.get(address.name, ())
        return Observed(
            record, exists=exists, stale=stale, drift=drift, attention=attention, parts=parts, holds_data=held
        )

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return (f"note of {category}",) if desired.inputs.get("noted") else ()

    def create(self, step: Step) -> Outcome:
        return self._make(step, "create")

    def update(self, step: Step) -> Outcome:
        return self._make(step, "update")

    def restore(self, step: Step) -> Outcome:
        return self._make(step, "restore")

    def _make(self, step: Step, verb: str) -> Outcome:
        assert step.desired is not None
        name = step.address.name
        self.touch(f"before {verb} {name}")
        self.calls.append(f"{verb} {name}")
        self.steps.append(step)
        if name in self.broken:
            raise self.broken[name]
        kept = {key: value for key, value in step.desired.inputs.items() if EFFECTS.get(key) is not MINOR}
        kept.pop("noise", None)
        consumed = sorted(str(outputs.get("digest")) for outputs in step.upstream.values())
        digest = json.dumps([name, kept, consumed], sort_keys=True)
        self.world[name] = {"inputs": dict(step.desired.inputs), "digest": digest}
        self.touch(f"after {verb} {name}")
        return Outcome({"digest": digest}, f"{verb}d")

    def delete(self, step: Step) -> None:
        self.touch(f"before delete {step.address.name}")
        self.calls.append(f"delete {step.address.name}")
        self.steps.append(step)
        self.world.pop(step.address.name, None)
        self.touch(f"after delete {step.address.name}")


@dataclass
class World:
    path: Path
    things: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kind = Thing(self.things)
        self.store: DatabaseStore = open_database(f"sqlite:///{self.path / 'state.db'}", "dev")
        sa.event.listen(self.store.engine, "connect", hurry)
        self.events: list[Event] = []
        self.count = 0

    def plan_inputs(self, desired: Sequence[Desired]) -> PlanInputs:
        wanted = {one.address: one for one in desired}
        intents = self.store.intents()
        half = half_made(intents, self.store.records(), wanted)
        records = {**self.store.records(), **half}
        observed = {
            one: self.kind.observe(one, wanted.get(one), records.get(one)) for one in sorted({*wanted, *records})
        }
        return PlanInputs(wanted, observed, {"thing": self.kind}, {intent.address for intent in intents}, half)

    def plan(self, *desired: Desired, targets: Sequence[str] = ()) -> tuple[Change, ...]:
        return make_plan(self.plan_inputs(desired), Selection(targets=[at(name) for name in targets]))

    def apply(
        self,
        *desired: Desired,
        stop: threading.Event | None = None,
        parallel: int = 1,
        store: Any = None,
        may_lose_data: Sequence[str] = (),
    ) -> Result:
        with lease(self.store, Holder.me("tester", "now")) as token:
            self.count += 1
            name = f"op{self.count}-{id(self)}"
            self.store.begin(
                Operation(name, f"t{self.count}", None, "me", "here", "apply", None, "d", "running", ""), token
            )
            plan_inputs = self.plan_inputs(desired)
            apply_context = ApplyContext(
                plan_inputs,
                store or self.store,
                name,
                token,
                self.events.append,
                stop or threading.Event(),
                parallel,
                may_lose_data=may_lose_data,
            )
            return apply_plan(make_plan(plan_inputs), apply_context)

    def words(self, *desired: Desired) -> dict[str, tuple[str, str]]:
        """What is pending, by name: (action, category)."""
        return {
            c.address.name: (c.action.value, c.category) for c in self.plan(*desired) if c.action is not Action.NOOP
        }

    def close(self) -> None:
        self.store.engine.dispose()


def hurry(connection: sqlite3.Connection, _: object) -> None:
    """No test here cuts the power."""
    connection.execute("PRAGMA synchronous=OFF")


@contextmanager
def opened(path: Path) -> Iterator[World]:
    world = World(path)
    try:
        yield world
    finally:
        world.close()


def digests(world: World) -> Mapping[str, Any]:
    return {str(address): record.outputs.get("digest") for address, record in world.store.records().items()}
