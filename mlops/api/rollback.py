"""Go back to what was recorded, and follow renames.

Lives here: moves_of (`moved:`), rollback_step, with_rollback, restores_of, pinned_records, plan_rollback, rollback_edits,
as_written.
Not here: planning and applying (project), taking over what exists (import_resource).
Law: going back is a plan like any other: it says what it will do, and is reviewed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.api.configuration import parse_address
from mlops.api.options import Options
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.engine.resource import Desired, Record, Restore
from mlops.engine.state import Version
from mlops.engine.store import DatabaseStore
from mlops.errors import MlopsError
from mlops.kinds.registry import kind_class
from mlops.render.document import value_text

if TYPE_CHECKING:
    from mlops.api.project import Project
    from mlops.engine.plan import Plan


def moves_of(spec: ProjectSpec, records: Mapping[Address, Record]) -> dict[Address, Address]:
    """Return old -> new address of every resource that is recorded under the old address only. Raises MlopsError for a
    kind whose resources cannot be renamed."""
    renames = {Address.parse(old): Address.parse(new) for old, new in spec.settings.moved.items()}
    moves = {old: new for old, new in renames.items() if old in records and new not in records}
    fixed = [old for old in moves if not kind_class(old.kind).movable]
    if fixed:
        names = ", ".join(f"{old} → {moves[old]}" for old in fixed)
        raise MlopsError.of(
            "cannot be moved",
            f"{names}: what runs, and what is pinned in dvc.lock, has the old name in it. Take the line out of `moved:` "
            "in conf/project.yaml: it is then made under the new name, and the old one is deleted after it.",
        )
    return moves


def rollback_step(store: DatabaseStore, spec: ProjectSpec, text: str, to: str | None) -> str:
    """Return `ADDRESS@SERIAL` of the version to go back to. `to`: a serial, the name of a version or tag, or the beginning of a
    digest; None for the version before the present one. Raises MlopsError where there is none."""
    records = store.records()
    at = _known(store, text) or parse_address(text, {**spec.resources, **records})
    versions = [v for v in store.versions(at) if v.record is not None and v.record.complete]
    recorded = records.get(at)
    if to is None:
        earlier = [v for v in versions if recorded is None or _made(v.record) != _made(recorded)]
        found = earlier[-1] if earlier else None
    else:
        found = _named(at, versions, to)
    if found is None:
        raise MlopsError.of(
            "no such version",
            f"{at} has no {'earlier version' if to is None else f'version `{to}`'}. The versions that it had: "
            f"mlops history {at}",
            address=str(at),
        )
    return f"{at}@{found.serial}"


def _made(record: Record | None) -> Any:
    return (record.inputs, record.outputs.get("digest")) if record else None


def _known(store: DatabaseStore, text: str) -> Address | None:
    """Return the address of what was ever recorded, be it deleted since."""
    try:
        at = Address.parse(text)
    except ValueError:
        return None
    return at if store.versions(at) else None


def _named(at: Address, versions: Sequence[Version], to: str) -> Version | None:
    """Return the version that `to` means: a serial before all, then a name, then the beginning of one digest; of several that
    share it, the newest. Raises MlopsError where it begins digests of different versions."""
    exact = [v for v in versions if to == str(v.serial)] or [v for v in versions if to in _names(v.record)]
    if exact or len(to) < 4:
        return exact[-1] if exact else None
    begun = {digest: v for v in versions for digest in _digests(v.record) if digest.startswith(to)}
    if len(begun) > 1:
        raise MlopsError.of(
            "more than one version",
            f"`{to}` begins {', '.join(sorted(begun))}, which are different versions of {at}. Give more of it, or a serial: "
            f"mlops history {at}",
            address=str(at),
        )
    return next(iter(begun.values()), None)


def _names(record: Record | None) -> list[str]:
    names = [str(record.outputs.get(name) or "") for name in ("version", "tag")] if record else []
    return [*names, *(name.partition(":")[2] for name in names if ":" in name)]


def _digests(record: Record | None) -> set[str]:
    names = ("tag", "digest", "model_digest", "package_digest")
    return {str(record.outputs[name]) for name in names if record.outputs.get(name)} if record else set()


def with_rollback(project: Project, back: Sequence[str]) -> Project:
    """Return the same project with the inputs that were recorded then. `back`: ADDRESS@SERIAL each."""
    if not back:
        return project
    from mlops.config.schema.kinds import effective_of  # pydantic, which most commands need not

    resources = dict(project.spec.resources)
    for at, record in _goals(project.store, back).items():
        known = resources.get(at)
        inputs = kind_class(at.kind).as_declared(as_written(record.inputs))
        references = known.references if known else ()
        resources[at] = LoadedResource(
            at, inputs, dict.fromkeys(inputs, f"rollback to serial {record.serial}"), references,
            known.protect if known else record.protect, effective_of(at.kind, inputs),
        )  # fmt: skip
    return replace(project, spec=replace(project.spec, resources=resources))


def restores_of(store: DatabaseStore, back: Sequence[str], *, at_once: bool = False) -> dict[Address, Restore]:
    """Return what each of `back` (ADDRESS@SERIAL) goes back to: its version, and those that it had consumed."""
    return {at: Restore(record, _consumed(store, record), at_once) for at, record in _goals(store, back).items()}


def pinned_records(restores: Mapping[Address, Restore], desired: Mapping[Address, Desired]) -> dict[Address, Record]:
    """Return the versions that rolled-back resources use in place of the present ones."""
    return {
        d.address: restore.upstream[d.address]
        for at, restore in restores.items() if at in desired
        for d in desired[at].depends_on if d.output is not None and not d.follows and d.address in restore.upstream
    }  # fmt: skip


def _goals(store: DatabaseStore, back: Sequence[str]) -> dict[Address, Record]:
    goals: dict[Address, Record] = {}
    for step in back:
        name, _, serial = step.partition("@")
        at = Address.parse(name)
        record = next((v.record for v in store.versions(at) if v.serial == int(serial)), None)
        if record is None:
            raise MlopsError.of("no such version", f"{at} has no version at serial {serial}: mlops history {at}")
        goals[at] = record
    return goals


def _consumed(store: DatabaseStore, record: Record) -> dict[Address, Record]:
    """Return the version of each dependency whose outputs the record was made from. Of what was adopted from elsewhere, the
    state may have no version: the output that was consumed stands for it."""
    found: dict[Address, Record] = {}
    for key, value in record.upstream.items():
        name, _, output = key.partition(":")
        at = Address.parse(name)
        past = [v.record for v in store.versions(at) if v.record and v.record.outputs.get(output) == value]
        earlier = [one for one in past if one.serial <= record.serial]
        found[at] = (earlier or past or [Record(at, {}, {output: value})])[-1]
    return found


def plan_rollback(project: Project, text: str, to: str | None, *, at_once: bool = False) -> Plan:
    """Plan going back to what `rollback_step` names, and nothing else. `at_once`: an endpoint gives all of its traffic over in
    one move, as soon as the version of then answers."""
    step = rollback_step(project.store, project.spec, text, to)
    return project.plan(Options(back=(step,), at_once=at_once))


def rollback_edits(project: Project, plan: Plan) -> list[str]:
    """Return the edits of the YAML that keep the rollback; without them the next plan goes forward again."""
    lines: list[str] = []
    for change in plan.changes:
        for field in change.fields:
            value = value_text(field.after) if field.after is not None else "(take it out)"
            lines.append(f"  conf/{change.address.kind}/{change.address.name}.yaml  {field.path}: {value}")
    if lines:
        return ["To keep it, say so in conf/; the next plan shows it as a difference until then:", *lines]
    if any(change.restores is not None and change.action.changes_something for change in plan.changes):
        return [
            "What is declared leads forward again: the next plan shows that, until what it was made from goes back too."
        ]
    return []


def as_written(value: Any) -> Any:
    """Return recorded inputs as a file says them: a sealed secret as its reference."""
    if isinstance(value, Mapping):
        return f"${{secret:{value['$secret']}}}" if "$secret" in value else {k: as_written(v) for k, v in value.items()}
    return [as_written(inner) for inner in value] if isinstance(value, list | tuple) else value
