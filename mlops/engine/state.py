"""What is remembered between applies.

Lives here: StateReader and Store (the protocols), Head, Intent, Operation, Version, and the JSON form of a record.
Not here: a database (store), who may write (lease).
Law: planning gets the reading half, so it cannot write; a field that a newer version wrote is kept.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mlops.address import Address
from mlops.engine.resource import Record


@dataclass(frozen=True, slots=True)
class Head:
    """The newest point of the history. `lineage` names the history, `serial` counts its writes, `salt` (hex) is what
    secrets are hashed with."""

    lineage: str
    serial: int
    salt: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A side effect that was announced and not finished. `body`: for a creation, its inputs and what it depends on, so
    that a later apply knows what is half made although nothing was recorded yet."""

    key: str
    address: Address
    action: str
    operation: str
    body: Mapping[str, Any] | None = None


def operation_id() -> str:
    """Return an id that is unique and sorts by time, even for operations that begin within one second."""
    return f"{time.time_ns() // 1_000_000:011x}{os.urandom(2).hex()}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One apply. `outcome`: running, done, failed, interrupted. `ended_at` is None while it runs, or where it died."""

    id: str
    started_at: str
    ended_at: str | None
    who: str
    host: str
    command: str
    commit: str | None
    plan_digest: str
    outcome: str
    summary: str


@dataclass(frozen=True, slots=True)
class Version:
    """A record as it was at a serial; `record` is None where it was deleted then."""

    serial: int
    at: str
    operation: str
    record: Record | None


class StateReader(Protocol):
    def head(self) -> Head: ...

    def records(self) -> Mapping[Address, Record]: ...

    def versions(self, address: Address) -> Sequence[Version]: ...

    def operations(self, limit: int = 50) -> Sequence[Operation]: ...

    def intents(self) -> Sequence[Intent]: ...

    def writers_since(self, serial: int) -> set[str]:
        """Return the operations that wrote anything after `serial`."""
        ...


class Store(StateReader, Protocol):
    """Every write carries the fencing token of the lease, and fails with LockHeld once another holds it."""

    def begin(self, operation: Operation, token: int) -> None: ...

    def end(self, operation: str, outcome: str, summary: str, *, at: str, token: int) -> None: ...

    def intend(self, intent: Intent, *, at: str, token: int) -> None: ...

    def write(self, record: Record, *, operation: str, at: str, token: int, closes: str | None = None) -> Record:
        """Write a record and return it with its serial. `closes`: the intent that it fulfils, closed in the same
        transaction."""
        ...

    def delete(self, address: Address, *, operation: str, at: str, token: int, closes: str | None = None) -> None: ...

    def move(self, old: Address, new: Address, *, operation: str, at: str, token: int) -> None: ...

    def close(self, key: str, *, token: int) -> None:
        """Close an intent that changed nothing."""
        ...


_FIELDS = ("inputs", "outputs", "upstream", "depends_on", "protect", "complete")
_ROLLED_BACK = "rolled_back_to"


def record_to_json(record: Record) -> str:
    body: dict[str, Any] = {**record.extra, **{name: getattr(record, name) for name in _FIELDS}}
    if record.rolled_back_to is not None:
        body[_ROLLED_BACK] = record.rolled_back_to
    body["depends_on"] = [str(address) for address in record.depends_on]
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def record_from_json(address: Address, serial: int, text: str) -> Record:
    """Read a record. Raises ValueError or KeyError for text that is no record."""
    body = json.loads(text)
    return Record(
        address,
        body["inputs"],
        body["outputs"],
        body.get("upstream", {}),
        tuple(Address.parse(name) for name in body.get("depends_on", ())),
        bool(body.get("protect", False)),
        bool(body.get("complete", True)),
        serial,
        {key: value for key, value in body.items() if key not in (*_FIELDS, _ROLLED_BACK)},
        body.get(_ROLLED_BACK),
    )
