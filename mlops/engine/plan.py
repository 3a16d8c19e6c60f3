"""Decide what to change.

Lives here: Change, Plan, Pin, and make_plan, which compares three truths (desired, recorded, observed).
Not here: reading the world (kinds), doing (apply), drawing (render).
Law: make_plan is pure; apply_plan does exactly Plan.changes and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mlops.address import Address
from mlops.engine.resource import Action, Attention, FieldChange, Reason


@dataclass(frozen=True)
class Change:
    """What the plan says of one resource. A no-op has a reason too.

    `condition`: for MAYBE, the upstream resources whose outputs decide. `blocked`: why a protected resource refuses.
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


@dataclass(frozen=True, slots=True)
class Pin:
    """Something that the plan was made from: its name, and the digest it had."""

    name: str
    digest: str


@dataclass(frozen=True)
class Plan:
    """`changes` are in an order that can be executed, no-ops included."""

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
