"""Write a plan to a file, and hold it against the world again.

Lives here: plan_to_json, plan_from_json, check_same, check_own, check_fresh, plan_digest.
Not here: making plans, drawing them.
Law: a file whose digest does not fit is refused; a plan that would be another today says what moved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mlops.address import Address
from mlops.engine.plan import Change, Pin, Plan
from mlops.engine.resource import Action, Effect, FieldChange, PartChange, Reason
from mlops.engine.state import StateReader
from mlops.errors import MlopsError, StalePlan

SAVED_PLAN_FORMAT = "mlops.saved-plan/1"


def plan_digest(plan: Plan) -> str:
    """Return a digest of what will happen and from what, but not of when it was planned."""
    content = {
        "changes": [_plain(asdict(change)) for change in plan.changes],
        "pins": [asdict(pin) for pin in plan.pins],
    }
    content["base"] = [plan.project, plan.environment, plan.lineage, plan.serial, list(plan.overrides)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def plan_to_json(plan: Plan) -> str:
    body = _plain(asdict(plan))
    return (
        json.dumps({"format": SAVED_PLAN_FORMAT, "digest": _seal(body), "plan": body}, indent=1, sort_keys=True) + "\n"
    )


def plan_from_json(text: str, *, file: str) -> Plan:
    """Read a saved plan. Raises MlopsError for a file that is no plan, and StalePlan for one that was changed by
    hand."""
    try:
        saved = json.loads(text)
        if saved["format"] != SAVED_PLAN_FORMAT:
            raise ValueError(f"its format is {saved['format']}, and this version reads {SAVED_PLAN_FORMAT}")
        body: Mapping[str, Any] = saved["plan"]
        plan = Plan(
            body["project"], body["environment"], body["lineage"], body["serial"], body["created_at"],
            tuple(_change(change) for change in body["changes"]), tuple(Pin(**pin) for pin in body["pins"]), (),
            body["expires_at"], body["commit"], tuple(body["overrides"]), body["format_version"], dict(body["extra"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise MlopsError.of(
            "not a saved plan", f"{file} cannot be read as a plan: {error}. Make one with `mlops plan --out FILE`."
        ) from error
    if saved.get("digest") != _seal(body):
        raise StalePlan.of(
            "saved plan was altered",
            f"{file} is not what `mlops plan` wrote: its digest does not fit. Plan again; do not edit a plan.",
        )
    return plan


def check_same(saved: Plan, fresh: Plan, *, file: str) -> None:
    """Compare a saved plan with a fresh one. Raises StalePlan with every pin that moved since `saved` was made."""
    moved: list[str] = []
    if saved.lineage != fresh.lineage:
        moved.append("the state is another one (its lineage differs)")
    elif saved.serial != fresh.serial:
        moved.append(f"the state went from serial {saved.serial} to {fresh.serial}: somebody applied since")
    moved += _moved_pins(saved, fresh)
    if not moved and plan_digest(saved) != plan_digest(fresh):
        before = {change.address: change for change in saved.changes}
        after = {change.address: change for change in fresh.changes}
        differ = sorted(at for at in before.keys() | after.keys() if before.get(at) != after.get(at))
        moved.append(f"the world changed: {', '.join(str(at) for at in differ)} would be planned otherwise now")
    if moved:
        raise _stale(file, moved)


def _moved_pins(saved: Plan, fresh: Plan) -> list[str]:
    now = {pin.name: pin.digest for pin in fresh.pins}
    was = {pin.name: pin.digest for pin in saved.pins}
    return [
        f"{name} changed ({_short(was.get(name))} → {_short(now.get(name))})"
        for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)
    ]  # fmt: skip


def _stale(file: str, moved: list[str]) -> MlopsError:
    return StalePlan.of(
        "stale plan", f"{file} no longer fits: {'; '.join(moved)}. Nothing was done. Plan and review again."
    )


def check_own(saved: Plan, fresh: Plan, store: StateReader, *, file: str) -> None:
    """Check that a saved plan may be resumed. Raises StalePlan unless everything that happened since `saved` was made
    was done by an apply of it, and everything that is left is in it."""
    mine = {operation.id for operation in store.operations(1000) if operation.plan_digest == plan_digest(saved)}
    if not mine:
        check_same(saved, fresh, file=file)
        return
    if saved.lineage not in ("", fresh.lineage) or store.writers_since(saved.serial) - mine:
        raise _stale(file, [f"another apply wrote the state since (serial {saved.serial} → {fresh.serial})"])
    moved = _moved_pins(saved, fresh)
    listed = {change.address for change in saved.changes if change.action.changes_something}
    left = [change.address for change in fresh.changes if change.action.changes_something]
    moved += [f"{at} would change now, and the plan does not list it" for at in left if at not in listed]
    if moved:
        raise _stale(file, moved)


def check_fresh(saved: Plan, now: str, *, file: str) -> None:
    """Check the time of a plan. `now`: ISO time. Raises StalePlan where the plan has expired."""
    if saved.expires_at is not None and now > saved.expires_at:
        raise StalePlan.of(
            "plan expired",
            f"{file} was made at {saved.created_at} and is good until {saved.expires_at}. Plan and review again.",
        )


def _seal(body: Mapping[str, Any]) -> str:
    """Return a digest of everything in the file, so that neither its time nor its options can be edited."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest[:8]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def _change(body: Mapping[str, Any]) -> Change:
    fields = tuple(FieldChange(**{**one, "effect": _effect(one["effect"])}) for one in body["fields"])
    reasons = tuple(
        Reason(r["text"], r["source"], _address(r["cause"]) if r["cause"] else None) for r in body["reasons"]
    )
    return Change(
        _address(body["address"]), Action(body["action"]), body["category"], body["rank"], reasons, fields,
        tuple(body["notes"]), tuple(_address(at) for at in body["condition"]),
        tuple(_address(at) for at in body["depends_on"]), body["blocked"], body["keeps"],
        _address(body["moved_from"]) if body["moved_from"] else None, tuple(_part(part) for part in body["parts"]),
        tuple(body["obstacles"]), body.get("restores"),
    )  # fmt: skip


def _part(body: Mapping[str, Any]) -> PartChange:
    return PartChange(
        body["name"], Action(body["action"]), tuple((path, was, now) for path, was, now in body["fields"]),
        body.get("loses_data", False),
    )  # fmt: skip


def _effect(body: Mapping[str, Any]) -> Effect:
    return Effect(body["category"], body["rank"], Action(body["action"]), body["keeps"])


def _address(parts: Any) -> Address:
    return Address(*parts)
