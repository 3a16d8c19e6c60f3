"""Export the state as a whole, and correct it.

Lives here: pull_state and rename, the verbs of `mlops state`.
Not here: the history for people (inspect).
Law: a correction is an operation under the lease, and is in the history like any other.
"""

from __future__ import annotations

import getpass
import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.api.configuration import parse_address
from mlops.engine.lease import Holder, lease
from mlops.engine.state import Operation, operation_id, record_to_json
from mlops.errors import MlopsError, StalePlan

if TYPE_CHECKING:
    from mlops.api.project import Project

STATE_FORMAT = "mlops.state/1"


def pull_state(project: Project) -> dict[str, Any]:
    """Return {format, environment, lineage, serial, records, intents}; of secrets the names and salted digests alone."""
    head, store = project.store.head(), project.store
    records = {str(at): {**json.loads(record_to_json(r)), "serial": r.serial} for at, r in store.records().items()}
    intents = [{"address": str(i.address), "action": i.action, "operation": i.operation} for i in store.intents()]
    return {
        "format": STATE_FORMAT, "environment": project.environment, "lineage": head.lineage, "serial": head.serial,
        "records": records, "intents": intents,
    }  # fmt: skip


def rename(project: Project, old: str, new: str, *, serial: int | None = None, lock_timeout: str = "0s") -> str:
    """Record a resource under another address, and return a sentence about it. `serial`: what the state must have. Raises
    StalePlan, LockHeld, and MlopsError for addresses that do not fit."""
    from mlops.config.schema.units import parse_duration

    records = project.store.records()
    at = parse_address(old, records)
    try:
        to = Address.parse(new)
    except ValueError as error:
        raise MlopsError.of("no address", f"{error}.") from None
    if to in records or to.kind != at.kind:
        why = "is recorded already" if to in records else "is of another kind"
        raise MlopsError.of("cannot be moved there", f"{to} {why}. What is recorded: mlops state pull")
    before = project.store.head()
    who, now = getpass.getuser(), datetime.now(UTC).isoformat(timespec="seconds")
    command = f"mlops state mv {at} {to}"
    with lease(project.store, Holder.me(who, now, command), wait=parse_duration(lock_timeout)) as token:
        head = project.store.head()
        expected = before.serial if serial is None else serial
        if head.lineage != before.lineage or head.serial != expected:
            raise StalePlan.of(
                "state is another",
                f"The state has serial {head.serial}, and {expected} was expected: somebody applied since. Look again: mlops "
                "state pull",
            )
        operation = Operation(operation_id(), now, None, who, os.uname().nodename, command, None, "", "running", "")
        project.store.begin(operation, token)
        project.store.move(at, to, operation=operation.id, at=now, token=token)
        project.store.end(operation.id, "done", f"Recorded {at} as {to}.", at=now, token=token)
    return f"Recorded {at} as {to}. What the files say must follow: mlops plan"
