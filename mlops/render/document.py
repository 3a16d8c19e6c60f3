"""Write a plan down as data.

Lives here: plan_document, the versioned contract that every view draws and `--format json` prints.
Not here: layout, colour.
Law: no secret value is in it; it holds all that a view may show.
"""

from __future__ import annotations

import json
from typing import Any

from mlops.address import Address
from mlops.engine.plan import Change, Plan
from mlops.engine.resource import Action, FieldChange, Reason

PLAN_DOCUMENT_FORMAT = "mlops.plan/1"

SYMBOLS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.RUN: "↻",
    Action.MAYBE: "?",
    Action.FORGET: ".",
    Action.ADOPT: "=",
    Action.MOVE: "→",
    Action.NOOP: " ",
}

_COUNTED = {
    "create": (Action.CREATE,),
    "change": (Action.UPDATE, Action.REPLACE),
    "run_again": (Action.RUN,),
    "depend": (Action.MAYBE,),
    "destroy": (Action.DELETE,),
    "forget": (Action.FORGET,),
    "adopt": (Action.ADOPT,),
    "move": (Action.MOVE,),
    "unchanged": (Action.NOOP,),
}


def plan_document(plan: Plan, *, apply_with: str | None = None) -> dict[str, Any]:
    """Return the plan as JSON-able data. `apply_with`: the command that applies this plan, for the reader to copy."""
    by_address = {change.address: change for change in plan.changes}
    return {
        "format": PLAN_DOCUMENT_FORMAT,
        "project": plan.project,
        "environment": plan.environment,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "created_at": plan.created_at,
        "expires_at": plan.expires_at,
        "commit": plan.commit,
        "overrides": list(plan.overrides),
        "resources": sum(not change.action.removes_record for change in plan.changes),
        "summary": {
            word: sum(change.action in actions for change in plan.changes) for word, actions in _COUNTED.items()
        },
        "changes": [_change(change, by_address) for change in plan.changes if change.action.changes_something],
        "unchanged": [
            {"address": str(c.address), "reasons": [r.text for r in c.reasons]}
            for c in plan.changes
            if not c.action.changes_something
        ],
        "attention": [
            {
                "address": str(a.address) if a.address else None,
                "summary": a.summary,
                "lines": list(a.lines),
                "proposal": a.proposal,
                "commands": list(a.commands),
                "is_fault": a.is_fault,
            }
            for a in plan.attention
        ],
        "apply_with": apply_with,
    }


def _change(change: Change, by_address: dict[Address, Change]) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "action": str(change.action),
        "symbol": SYMBOLS[change.action],
        "category": change.category,
        "rank": change.rank,
        "fields": [_field(field) for field in change.fields],
        "reasons": [
            {"text": r.text, "source": r.source, "cause": str(r.cause) if r.cause else None} for r in change.reasons
        ],
        "because": because(change, by_address),
        "condition": [str(address) for address in change.condition],
        "notes": list(change.notes),
        "blocked": change.blocked,
        "parts": [
            {
                "name": part.name, "action": str(part.action), "symbol": SYMBOLS[part.action],
                "fields": [{"path": path, "before": was, "after": now} for path, was, now in part.fields],
                "loses_data": part.loses_data,
            }
            for part in change.parts
        ],
        "obstacles": list(change.obstacles),
    }  # fmt: skip


def _field(field: FieldChange) -> dict[str, Any]:
    before, after = (_masked(field.before), _masked(field.after)) if field.secret else (field.before, field.after)
    return {
        "path": field.path, "before": before, "after": after, "source": field.source, "secret": field.secret,
        "default": None if field.secret else field.default,
    }  # fmt: skip


def _masked(value: Any) -> Any:
    if isinstance(value, dict) and "$secret" in value:
        return f"(secret {value['$secret']})"
    return None if value is None else "(secret)"


def because(change: Change, by_address: dict[Address, Change]) -> list[str]:
    """Return the chain of reasons from this change to the line of configuration, or the thing in the world, that
    started it."""
    chain: list[str] = []
    seen: set[Address] = set()
    at: Change | None = change
    while at is not None and at.address not in seen:
        seen.add(at.address)
        symbol = SYMBOLS[at.action].strip()
        chain.append(f"{at.address} {symbol}".strip())
        if not at.reasons:
            break
        reason = next((r for r in at.reasons if not r.cause), at.reasons[0])
        if reason.cause is None or reason.cause not in by_address:
            words = _reason_text(at, reason)
            chain.append(f"{reason.source} {words}" if reason.source else words)
            break
        at = by_address[reason.cause]
    return chain


def _reason_text(change: Change, reason: Reason) -> str:
    """Return the text of the reason; for a changed field, with its two values where they are short."""
    for field in change.fields:
        if reason.text == f"{field.path} changed" and not field.secret:
            before, after = (side_text(value, field.default) for value in (field.before, field.after))
            words = f"{field.path} {before} → {after}"
            return words if len(words) <= 80 else reason.text
    return reason.text


def side_text(value: Any, default: Any) -> str:
    """Return one side of a changed field on one line; where it is not set, the default that applies. An empty default is
    as good as none to a reader."""
    if value is None and default not in (None, "", [], {}):
        return f"{value_text(default)} (default)"
    return value_text(value)


def value_text(value: Any) -> str:
    """Return a value on one line, as a reader of YAML would write it."""
    if value is None:
        return "not set"
    if isinstance(value, str):
        return value if value and "\n" not in value else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
