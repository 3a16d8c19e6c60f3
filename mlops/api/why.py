"""Say why something is as it is, and what depends on it.

Lives here: why (back to lines, digests, operation and commit) and uses (forward).
Not here: drawing (render), planning (project).
Law: nothing is written; a version that no longer runs is explained from the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.api.configuration import parse_address
from mlops.engine.resource import Record
from mlops.engine.store import DatabaseStore
from mlops.errors import MlopsError
from mlops.render.document import because

if TYPE_CHECKING:
    from mlops.api.project import Project


def why(project: Project, text: str) -> dict[str, Any]:
    """Return {address, version, made, lines, upstream, pending}. `text`: an address, an endpoint's version as its answers name
    it in `x-mlops-version`, or ADDRESS@VERSION."""
    records = project.store.records()
    known = {**project.spec.resources, **records}
    at, past = _version(project.store, text, known)
    resource = project.spec.resources.get(at) if past is None else None
    record = past or records.get(at)
    inputs = resource.inputs if resource else record.inputs if record else {}
    lines = [
        {"path": path, "value": value, "source": resource.origin(path) if resource else None}
        for path, value in _leaves(inputs)
    ]
    pending: list[list[str]] = []
    if past is None:
        changes = {change.address: change for change in project.plan().changes}
        change = changes.get(at)
        pending = [because(change, changes)] if change and change.action.changes_something else []
    return {
        "address": str(at), "version": record.outputs.get("version") if record else None,
        "made": _made(project.store, record), "lines": lines, "upstream": _upstream(project.store, record),
        "pending": pending,
    }  # fmt: skip


def uses(project: Project, text: str) -> dict[str, Any]:
    """Return {address, uses: [{address, depth, of, output, category}]}: all that depends on the resource, the nearest
    first."""
    desired = project.look(refresh=False).plan_inputs.desired
    start = parse_address(text, desired)
    dependents: list[dict[str, Any]] = []
    visited, layer, depth = {start}, [start], 0
    while layer:
        depth += 1
        found: dict[Address, dict[str, Any]] = {}
        for at, wanted in sorted(desired.items()):
            for need in wanted.depends_on:
                if need.address in layer and at not in visited:
                    category = need.effect.category if need.effect and need.output else None
                    one = {
                        "address": str(at), "depth": depth, "of": str(need.address), "output": need.output, "category": category,
                    }  # fmt: skip
                    if at not in found or found[at]["output"] is None:
                        found[at] = one
        visited |= found.keys()
        layer = list(found)
        dependents += found.values()
    return {"address": str(start), "uses": dependents}


def _version(
    store: DatabaseStore, text: str, known: Mapping[Address, object]
) -> tuple[Address, Record | None]:  # fmt: skip
    """Return the address, and the record of the version that `text` names; None for the resource as it is now."""
    name, _, version = text.rpartition("@")
    if name:
        chosen = [parse_address(name, known)]
    elif "." in version:
        return parse_address(version, known), None
    else:
        chosen = list(known)
    found = [
        past.record
        for at in chosen for past in reversed(store.versions(at))
        if past.record and version in (past.record.outputs.get("version"), str(past.serial))
    ]  # fmt: skip
    addresses = sorted({record.address for record in found})
    if not addresses:
        raise MlopsError.of(
            "no such resource",
            f"`{text}` is neither an address nor a version that an endpoint had. Addresses: mlops status. Versions: mlops "
            "history endpoint.NAME",
        )
    if len(addresses) > 1:
        choices = ", ".join(f"{at}@{version}" for at in addresses)
        raise MlopsError.of("several endpoints have that version", f"Say which one: {choices}.")
    return addresses[0], found[0]


def _made(store: DatabaseStore, record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    version = next((v for v in store.versions(record.address) if v.serial == record.serial), None)
    operations = {operation.id: operation for operation in store.operations(1000)}
    operation = operations.get(version.operation) if version else None
    if version is None or operation is None:
        return None
    return {
        "who": operation.who, "host": operation.host, "at": version.at, "serial": record.serial,
        "commit": operation.commit, "command": operation.command,
    }  # fmt: skip


def _upstream(store: DatabaseStore, record: Record | None) -> list[dict[str, Any]]:
    """Return each output that the record consumed, and which apply had made it."""
    consumed: list[dict[str, Any]] = []
    for key, value in (record.upstream if record else {}).items():
        name, _, output = key.partition(":")
        made = [
            v.record for v in store.versions(Address.parse(name)) if v.record and v.record.outputs.get(output) == value
        ]
        consumed.append(
            {"address": name, "output": output, "value": value, "made": _made(store, made[0] if made else None)}
        )
    return consumed


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping) and value and "$secret" not in value:
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{path}.{key}" if path else str(key))]
    return [(path, value)]
