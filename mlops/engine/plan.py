"""Decide what to change.

Lives here: Change, Plan, Pin, and make_plan, which compares desired, recorded and observed.
Not here: reading the world (kinds), doing (apply), drawing (render).
Law: make_plan is pure; apply_plan does exactly Plan.changes and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from mlops.address import Address
from mlops.engine.diff import Difference, diff
from mlops.engine.graph import order, reverse
from mlops.engine.resource import (
    Action,
    Attention,
    Dependency,
    Desired,
    Effect,
    FieldChange,
    Json,
    Kind,
    Observed,
    PartChange,
    Reason,
    Record,
    Restore,
)
from mlops.engine.selection import EVERYTHING, Selection, chosen

NOTHING = Observed(None, exists=False)
_STRENGTH = (Action.UPDATE, Action.RUN, Action.CREATE, Action.REPLACE)


@dataclass(frozen=True)
class Change:
    """What the plan says of one resource. A no-op has a reason too.

    `condition`: for MAYBE, the upstream resources whose outputs decide. `blocked`: why a protected resource refuses.
    `parts`: what happens inside the resource. `obstacles`: why the change cannot be carried out now. `keeps`: whether
    all outputs stay as they are. `depends_on`: what must be finished before. `moved_from`: the address that the
    resource is recorded under so far. `restores`: the serial of the version that it goes back to.
    """

    address: Address
    action: Action
    category: str
    rank: int
    reasons: tuple[Reason, ...]
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()
    condition: tuple[Address, ...] = ()
    depends_on: tuple[Address, ...] = ()
    blocked: str | None = None
    keeps: bool = False
    moved_from: Address | None = None
    parts: tuple[PartChange, ...] = ()
    obstacles: tuple[str, ...] = ()
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """Something that the plan was made from: its name, and the digest that it had."""

    name: str
    digest: str


@dataclass(frozen=True)
class Plan:
    """What will be done. `changes` are in an order that can be executed, no-ops included."""

    project: str
    environment: str
    lineage: str
    serial: int
    created_at: str
    changes: tuple[Change, ...]
    pins: tuple[Pin, ...] = ()
    attention: tuple[Attention, ...] = ()
    expires_at: str | None = None
    commit: str | None = None
    overrides: tuple[str, ...] = ()
    format_version: int = 1
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlanInputs:
    """Everything that a decision is made from. `interrupted`: resources that an apply was changing when it died.
    `failed`: those that it failed to change, which it lived to see. `half_made`: those of both that have no record of their
    own. `moved`: new address -> the address that it is recorded
    under; the records here have the new one. `restore`: the resources to roll back, and the version to go back to."""

    desired: Mapping[Address, Desired]
    observed: Mapping[Address, Observed]
    kinds: Mapping[str, Kind]
    interrupted: Collection[Address] = ()
    half_made: Collection[Address] = ()
    moved: Mapping[Address, Address] = field(default_factory=dict)
    failed: Collection[Address] = ()
    restore: Mapping[Address, Restore] = field(default_factory=dict)

    def record(self, address: Address) -> Record | None:
        return self.observed.get(address, NOTHING).recorded


def make_plan(plan_inputs: PlanInputs, selection: Selection = EVERYTHING) -> tuple[Change, ...]:
    """Return the changes in an order that can be executed. Without desired resources everything is destroyed. Raises
    InvalidConfig for a cycle."""
    desired, observed = plan_inputs.desired, plan_inputs.observed
    needs = {at: tuple(d.address for d in resource.depends_on) for at, resource in desired.items()}
    undeclared = [at for at, found in observed.items() if found.recorded is not None and at not in desired]
    changes: dict[Address, Change] = {}
    for at in order(needs):
        changes[at] = _decide(desired[at], plan_inputs, changes, at in selection.replace)
    recorded_needs = {at: found.recorded.depends_on for at, found in observed.items() if found.recorded}
    users = reverse(recorded_needs)
    for at in undeclared:
        after = tuple(user for user in users.get(at, ()) if user in changes or user in undeclared)
        changes[at] = _delete(at, plan_inputs, after, selection.forget.get(at))
    ordering = {at: changes[at].depends_on for at in chosen(selection, changes, needs, recorded_needs)}
    return tuple(changes[at] for at in order(ordering))


def collect_attention(plan_inputs: PlanInputs) -> tuple[Attention, ...]:
    return tuple(item for at in sorted(plan_inputs.observed) for item in plan_inputs.observed[at].attention)


def _delete(at: Address, plan_inputs: PlanInputs, users: tuple[Address, ...], forget: Effect | None) -> Change:
    kind = plan_inputs.kinds[at.kind]
    record = plan_inputs.record(at)
    assert record is not None
    if forget is not None:
        reason = Reason("`removed:` says to forget it and to leave it as it is")
        return Change(at, Action.FORGET, forget.category, forget.rank, (reason,), depends_on=users)
    reason = Reason("no longer declared" if plan_inputs.desired else "destroyed by request")
    if at in plan_inputs.half_made:
        what = "failed to create it" if at in plan_inputs.failed else "died while creating it"
        reason = Reason(f"an apply {what}, and it is no longer declared")
    blocked = "take the protection off first: `protect: false`, then apply" if record.protect else None
    effect, observed = kind.deleted, plan_inputs.observed[at]
    return Change(
        at, effect.action, effect.category, effect.rank, (reason,), depends_on=users, blocked=blocked,
        parts=observed.parts_of(effect.action), obstacles=observed.obstacles,
    )  # fmt: skip


def _decide(desired: Desired, plan_inputs: PlanInputs, upstream: Mapping[Address, Change], recreate: bool) -> Change:
    """Return the change of one resource. `upstream`: the changes that were decided before. `recreate`: it is replaced whatever
    it is."""
    restore = plan_inputs.restore.get(desired.address)
    change = _go_back(desired, restore, plan_inputs) if restore else _compare(desired, plan_inputs, upstream, recreate)
    change = change if restore else _since_rollback(change, plan_inputs)
    if change.action.changes_something:
        observed = plan_inputs.observed.get(desired.address, NOTHING)
        change = replace(change, parts=observed.parts_of(change.action), obstacles=observed.obstacles)
    old = plan_inputs.moved.get(desired.address)
    if old is None:
        return change
    reasons = (Reason(f"moved from {old}: `moved:` says so"), *change.reasons)
    if not change.action.changes_something:
        change = replace(change, action=Action.MOVE, category=Action.MOVE.value.upper(), reasons=reasons[:1])
    return replace(change, reasons=reasons[:1] if change.action is Action.MOVE else reasons, moved_from=old)


def _go_back(desired: Desired, restore: Restore, plan_inputs: PlanInputs) -> Change:
    """Return the change that makes of a resource what a version of it recorded; the world around it stays as it is."""
    kind, at, goal = plan_inputs.kinds[desired.address.kind], desired.address, restore.record
    observed = plan_inputs.observed.get(at, NOTHING)
    record = observed.recorded
    fields = _fields(desired, record, kind) if record else ()
    is_there = record is not None and observed.exists
    is_same = is_there and record is not None and _made(record, desired) == _made(goal, desired)
    words = f"back to what serial {goal.serial} recorded" + (", in one move" if restore.at_once else "")
    if is_same and not fields and not observed.drift:
        reason = Reason(f"nothing differs: it is what serial {goal.serial} recorded")
        return Change(at, Action.NOOP, Action.NOOP.value, 0, (reason,), keeps=True)
    effects = [change.effect for change in fields] + [drift.effect for drift in observed.drift]
    top = max(effects, key=lambda effect: effect.rank) if is_same else kind.restored
    change = _change(
        desired, Effect(top.category, top.rank, Action.UPDATE, is_same and all(effect.keeps for effect in effects)),
        (Reason(words),), kind=kind, record=record if is_there else None, fields=fields, depends_on=(),
    )  # fmt: skip
    return replace(change, restores=goal.serial)


def _made(record: Record, desired: Desired) -> tuple[Json, dict[str, Json]]:
    """Return what was made, and from what: of the dependencies that a rollback goes back to."""
    keys = [f"{d.address}:{d.output}" for d in desired.depends_on if d.output is not None and not d.follows]
    return record.outputs.get("digest"), {key: record.upstream.get(key) for key in keys}


def _since_rollback(change: Change, plan_inputs: PlanInputs) -> Change:
    """Say of a change that it leads away from what a rollback went back to."""
    record = plan_inputs.record(change.address)
    if record is None or record.rolled_back_to is None or not change.action.changes_something:
        return change
    words = f"it was rolled back to serial {record.rolled_back_to}, and what is declared is otherwise"
    return replace(change, reasons=(Reason(words), *change.reasons))


def _compare(desired: Desired, plan_inputs: PlanInputs, upstream: Mapping[Address, Change], recreate: bool) -> Change:
    kind = plan_inputs.kinds[desired.address.kind]
    observed = plan_inputs.observed.get(desired.address, NOTHING)
    record = observed.recorded
    after = tuple(dict.fromkeys(d.address for d in desired.depends_on if d.address in plan_inputs.desired))
    if record is None:
        reason = Reason("new", _first_origin(desired))
        return _change(desired, kind.created, (reason,), kind=kind, depends_on=after)
    fields = _fields(desired, record, kind)
    certain = [(Reason(f"{change.path} changed", change.source), change.effect) for change in fields]
    certain += _from_the_world(desired, observed, record, kind, plan_inputs)
    if recreate:
        effect = Effect(kind.created.category, kind.created.rank, Action.REPLACE)
        certain.append((Reason("made anew by request (--replace)"), effect))
    possible: list[tuple[Dependency, Reason]] = []
    for dependency in desired.depends_on:
        found = _from_upstream(dependency, record, plan_inputs, upstream)
        if found and found[1]:
            possible.append((dependency, found[0]))
        elif found and dependency.effect:
            certain.append((found[0], dependency.effect))
    if not certain and not possible:
        return _no_change(desired, observed, record, after)
    if not certain:
        return _possible_change(desired, record, kind, possible, after)
    effects = [effect for _, effect in certain]
    top = max(effects, key=lambda effect: effect.rank)
    reasons = (*(reason for reason, _ in certain), *(_then(d, reason, top) for d, reason in possible))
    action = max((effect.action for effect in effects), key=_strength)
    keeps = all(effect.keeps for effect in effects) and not possible
    return _change(
        desired, Effect(top.category, top.rank, action, keeps), reasons, kind=kind, record=record, fields=fields,
        condition=_conditions(possible), depends_on=after,
    )  # fmt: skip


def _no_change(desired: Desired, observed: Observed, record: Record, after: tuple[Address, ...]) -> Change:
    action, words = Action.NOOP, "nothing differs"
    if observed.adopted:
        action, words = Action.ADOPT, "made elsewhere, and taken over"
    elif needs_moved(desired, record):
        action, words = Action.ADOPT, "what it comes after is other than recorded"
    return Change(desired.address, action, action.value, 0, (Reason(words),), depends_on=after, keeps=True)


def _possible_change(
    desired: Desired, record: Record, kind: Kind, possible: list[tuple[Dependency, Reason]], after: tuple[Address, ...]
) -> Change:
    """Return a change that happens only if an upstream resource makes another output."""
    top = max((d.effect for d, _ in possible if d.effect), key=lambda effect: effect.rank)
    return Change(
        desired.address, Action.MAYBE, top.category, top.rank, tuple(reason for _, reason in possible),
        notes=kind.notes(desired, record, top.category), condition=_conditions(possible), depends_on=after,
        keeps=top.keeps,
    )  # fmt: skip


def _conditions(possible: list[tuple[Dependency, Reason]]) -> tuple[Address, ...]:
    return tuple(dict.fromkeys(dependency.address for dependency, _ in possible))


def _change(
    desired: Desired, effect: Effect, reasons: tuple[Reason, ...], *, kind: Kind, depends_on: tuple[Address, ...],
    record: Record | None = None, fields: tuple[FieldChange, ...] = (), condition: tuple[Address, ...] = (),
) -> Change:  # fmt: skip
    action = Action.CREATE if record is None else effect.action
    blocked = None
    if action is Action.REPLACE and record is not None and record.protect:
        blocked = "take the protection off first: `protect: false`, then apply"
    return Change(
        desired.address, action, effect.category, effect.rank, reasons, fields,
        kind.notes(desired, record, effect.category), condition, depends_on, blocked, effect.keeps,
    )  # fmt: skip


def _then(dependency: Dependency, reason: Reason, certain: Effect) -> Reason:
    """Return the condition, with the effect that it would have where that differs from what is certain."""
    effect = dependency.effect
    if effect is None or effect.category == certain.category:
        return reason
    return replace(reason, text=f"{effect.category}, {reason.text}")


def _strength(action: Action) -> int:
    return _STRENGTH.index(action) if action in _STRENGTH else 0


def needs_moved(desired: Desired, record: Record) -> bool:
    """Say whether the edges of the record are out of date; such edges would delete resources in a wrong order."""
    return {dependency.address for dependency in desired.depends_on} != set(record.depends_on)


def _first_origin(desired: Desired) -> str | None:
    """Return the file that declares a resource: its own where it has one, rather than one that changes a field of it."""
    files = [origin.partition(":")[0] for origin in desired.origins.values() if origin]
    own = (file for file in files if f"/{desired.address.kind}/" in file)
    return next(own, files[0] if files else None)


def _fields(desired: Desired, record: Record, kind: Kind) -> tuple[FieldChange, ...]:
    changes = []
    for found in diff(record.inputs, desired.inputs):
        effect, source = kind.effect(found.path), _origin(desired, found.path)
        default = _default(kind, found, record.inputs, desired.inputs)
        if default is not None and None in (found.before, found.after) and default in (found.before, found.after):
            continue  # one side says what the other side means
        changes.append(FieldChange(found.path, found.before, found.after, effect, source, found.secret, default))
    if desired.protect != record.protect:
        source = _origin(desired, "protect")
        changes.append(FieldChange("protect", record.protect, desired.protect, kind.effect("protect"), source))
    return tuple(changes)


def _default(kind: Kind, found: Difference, recorded: Mapping[str, Json], desired: Mapping[str, Json]) -> Json:
    """Return what applies on the side that does not say the field; None where both say it."""
    if found.secret or (found.before is not None and found.after is not None):
        return None
    return kind.default(found.path, recorded if found.before is None else desired)


def _origin(desired: Desired, path: str) -> str | None:
    while path:
        if path in desired.origins:
            return desired.origins[path]
        path = path.rpartition(".")[0]
    return _first_origin(desired)


def _from_the_world(
    desired: Desired, observed: Observed, record: Record, kind: Kind, plan_inputs: PlanInputs
) -> list[tuple[Reason, Effect]]:
    findings = [(stale.reason, stale.effect) for stale in observed.stale]
    findings += [(Reason(f"{d.path} is {d.observed}, and {d.recorded} was recorded"), d.effect) for d in observed.drift]
    again = Effect(kind.created.category, kind.created.rank, _again(kind.created.action))
    if not observed.exists:
        findings.append((Reason("it is gone"), Effect(kind.created.category, kind.created.rank, Action.CREATE)))
    elif desired.address in plan_inputs.failed:
        findings.append((Reason("the last apply of it failed"), again))
    elif desired.address in plan_inputs.interrupted:
        findings.append((Reason("an apply was interrupted while changing it"), again))
    elif not record.complete and not findings:
        findings.append((Reason("the last apply of it failed half way"), again))
    return findings


def _again(action: Action) -> Action:
    return Action.UPDATE if action is Action.CREATE else action


def _from_upstream(
    dependency: Dependency, record: Record, plan_inputs: PlanInputs, changes: Mapping[Address, Change]
) -> tuple[Reason, bool] | None:
    """Return the reason, and whether it is only a condition; None where nothing follows from this dependency."""
    if dependency.output is None or dependency.on_change is None:
        return None
    at = dependency.address
    change = changes.get(at)
    key = f"{at}:{dependency.output}"
    upstream = plan_inputs.record(at)
    words = f"{dependency.words}, if {at} changes" if dependency.words else f"if {at}'s {dependency.output} changes"
    if change is not None and change.action.changes_something and not change.keeps:
        return Reason(words, cause=at), True
    if upstream is None or key not in record.upstream:
        return None
    if upstream.outputs.get(dependency.output) != record.upstream[key]:
        return Reason(f"{at}'s {dependency.output} is another than it was made from", cause=at), False
    return None
