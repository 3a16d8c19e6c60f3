"""Fill in what nobody needs to write.

Lives here: with_implied, which fills in references that a file leaves out, and adds resources that need no file.
Not here: which fields and kinds these are (schema, by their marks), whether what is named is there (references).
Law: a reference that a file leaves out names the resource of its own name, or the only one of its kind; it is then read,
planned and recorded as if the file said so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from mlops.config.compose.expand import RawResource
from mlops.config.schema.base import Unsaid
from mlops.config.schema.kinds import model_of


def with_implied(raws: Sequence[RawResource], disabled: Sequence[RawResource]) -> list[RawResource]:
    """Return the resources with their references filled in, and those that others name and that need no file.

    `disabled`: resources whose file says `enabled: false`; they are not added again.
    """
    filled = [_filled(raw, raws) for raw in raws]
    known = {(raw.kind, raw.name) for raw in (*filled, *disabled)}
    for raw in tuple(filled):
        for kind, name in _named(raw):
            needed = implied_by(kind)
            given = _given(raw, kind)
            if (kind, name) in known or needed is None or not (given or (needed, name) in known):
                continue
            known.add((kind, name))
            filled.append(_filled(RawResource(kind, name, given, raw.base, raw.each), filled))
    return filled


def implied_by(kind: str) -> str | None:
    """Return the kind whose resource NAME makes KIND.NAME need no file; None for kinds that always need one."""
    found: str | None = getattr(model_of(kind), "implied_by", None)
    return found


def _given(raw: RawResource, kind: str) -> dict[str, Any]:
    """Return the fields that a resource of this kind, which needs no file, takes over from the one that names it."""
    fields = getattr(model_of(raw.kind), "hands_on", {}).get(kind, ())
    return {field: raw.value[field] for field in fields if raw.value.get(field) is not None}


def unsaid_references(kind: str) -> Iterator[tuple[str, str, Unsaid]]:
    """Yield field, kind and rule of every reference of a kind that its file may leave out."""
    for field, info in model_of(kind).model_fields.items():
        marks = info.json_schema_extra
        if isinstance(marks, dict) and "x-unsaid" in marks:
            yield field, str(marks["x-refers"]), Unsaid(str(marks["x-unsaid"]))


def instead_of(kind: str, field: str) -> str | None:
    """Return the field that is written in the place of another; None where there is none."""
    marks = model_of(kind).model_fields[field].json_schema_extra
    return str(marks["x-instead"]) if isinstance(marks, dict) and "x-instead" in marks else None


def _filled(raw: RawResource, raws: Sequence[RawResource]) -> RawResource:
    if raw.value is not None and not isinstance(raw.value, dict):
        return raw
    value = dict(raw.value or {})
    filled: list[str] = []
    for field, kind, unsaid in unsaid_references(raw.kind):
        if field in value or instead_of(raw.kind, field) in value:
            continue
        name = raw.name if unsaid is Unsaid.OWN_NAME else _only(kind, raws)
        if name is not None:
            value[field] = name
            filled.append(field)
    return replace(raw, value=value, implied=tuple(filled))


def _only(kind: str, raws: Sequence[RawResource]) -> str | None:
    names = [raw.name for raw in raws if raw.kind == kind]
    return names[0] if len(names) == 1 else None


def _named(raw: RawResource) -> Iterator[tuple[str, Any]]:
    if not isinstance(raw.value, dict):
        return
    for field, info in model_of(raw.kind).model_fields.items():
        marks = info.json_schema_extra
        name = raw.value.get(field)
        if isinstance(marks, dict) and "x-refers" in marks and isinstance(name, str):
            yield str(marks["x-refers"]), name
