"""Put a plan's content into lines that every view of text shares.

Lives here: the rows of a change, the folding of alike changes, the summary sentence.
Not here: colour, markup.
Law: destructive and costly changes stand first; what repeats is folded, and says what it folds.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlops.engine.resource import Action
from mlops.render.document import side_text, value_text

_TONES = {"create": "add", "delete": "remove", "replace": "warn"}
FOLD_FROM = 4
MANY = 20
"""Up to so many different changes are shown one by one; of more, those of the same fields are folded too."""
_VALUES = re.compile(r"(\S+  ).* → .*")
LONG = 56
_NAMED = 60
"""Up to so many names of a folded entry are listed; the JSON and the page have all."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One line of a change: its text, and at its right the place in the configuration."""

    text: str
    source: str | None = None
    tone: str = ""
    """"", "note", "add", "remove" or "warn"."""


@dataclass(frozen=True)
class PlanEntry:
    addresses: tuple[str, ...]
    symbol: str
    category: str
    action: str
    rows: tuple[PlanRow, ...]
    rank: int


def plan_entries(document: dict[str, Any]) -> list[PlanEntry]:
    """Return the document's changes in the order in which a reader needs them, alike ones folded into one entry."""
    single = [_entry(change) for change in document["changes"]]
    if len(single) > FOLD_FROM * 2:
        single = _fold(single)
        return sorted(single, key=lambda entry: -_weight(entry))
    return single


def _weight(entry: PlanEntry) -> int:
    return entry.rank + (1000 if Action(entry.action).destroys else 0)


def _entry(change: dict[str, Any]) -> PlanEntry:
    rows = [*_field_rows(change), *_reason_rows(change)]
    rows += [PlanRow(note, tone="note") for note in change["notes"]]
    rows += _part_rows(change)
    rows += [PlanRow(f"in the way: {obstacle}", tone="warn") for obstacle in change["obstacles"]]
    if change["blocked"]:
        rows.append(PlanRow(f"protected: {change['blocked']}", tone="warn"))
    return PlanEntry(
        (change["address"],), change["symbol"], change["category"], change["action"], tuple(rows), change["rank"]
    )


def _part_rows(change: dict[str, Any]) -> list[PlanRow]:
    """Return a row for each part of the resource, and one for each field of a part that exists already."""
    rows: list[PlanRow] = []
    for part in change["parts"]:
        rows.append(PlanRow(f"{part['symbol']:<3} {part['name']}", tone=_TONES.get(part["action"], "")))
        if part["loses_data"]:
            rows.append(
                PlanRow(f"      deletes what it holds: needs --allow-data-loss {change['address']}", tone="warn")
            )
        if part["action"] == "create":
            continue
        for field in part["fields"]:
            before, after = (_short(value_text(field[side])) for side in ("before", "after"))
            rows.append(PlanRow(f"      {field['path']}  {before} → {after}"))
    return rows


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"


def _field_rows(change: dict[str, Any]) -> list[PlanRow]:
    if change["action"] == "create":
        return []
    rows: list[PlanRow] = []
    for field in change["fields"]:
        if field["secret"]:
            before, after = field["before"] or "not set", field["after"] or "not set"
            words = f"{before} → {after}" if before != after else f"{after}, another value"
            rows.append(PlanRow(f"{field['path']}  {words}", field["source"]))
            continue
        before, after = (side_text(field[side], field["default"]) for side in ("before", "after"))
        lists = isinstance(field["before"], list) and isinstance(field["after"], list)
        if max(len(before), len(after)) <= LONG and not (lists and len(before) + len(after) > LONG):
            rows.append(PlanRow(f"{field['path']}  {before} → {after}", field["source"]))
        else:
            rows.append(PlanRow(f"{field['path']}  changed", field["source"]))
            rows += _diff_rows(field["before"], field["after"])
    return rows


def _diff_rows(before: Any, after: Any) -> list[PlanRow]:
    old, new = map(_lines_of, (before, after))
    changed = [line for line in difflib.ndiff(old, new) if line[:2] in ("- ", "+ ")]
    rows = [PlanRow(f"  {line[:120]}", tone="remove" if line[0] == "-" else "add") for line in changed[:12]]
    return [*rows, PlanRow(f"  … {len(changed) - 12} more lines", tone="note")] if len(changed) > 12 else rows


def _lines_of(value: Any) -> list[str]:
    if isinstance(value, list):
        return [value_text(item) for item in value]
    return str(value if isinstance(value, str) else value_text(value)).splitlines() if value else []


def _reason_rows(change: dict[str, Any]) -> list[PlanRow]:
    """Return the reasons that no field row shows: first what is certain, then what depends on others, then where that
    began."""
    shown = {field["path"] for field in change["fields"]} if change["action"] != "create" else set()
    rows = [
        PlanRow(r["text"], r["source"])
        for r in change["reasons"]
        if not any(r["text"].startswith(path) for path in shown)
    ]
    chain = change["because"][1:]
    if change["action"] == "if-upstream-changes" and len(chain) > 1:
        return [*rows[:3], PlanRow("because " + " because ".join(chain), tone="note")]
    return rows


def _fold(single: list[PlanEntry]) -> list[PlanEntry]:
    folded = _fold_alike(single, _exactly, "")
    left = sum(len(entry.addresses) == 1 for entry in folded)
    return _fold_alike(folded, _roughly, ", and so on") if left > MANY else folded


def _fold_alike(entries: list[PlanEntry], shape: Callable[[PlanEntry], tuple[Any, ...]], etc: str) -> list[PlanEntry]:
    """Fold single entries of one shape into one entry, from FOLD_FROM on. `etc`: follows values that are those of the
    first entry."""
    groups: dict[tuple[Any, ...], list[PlanEntry]] = {}
    for entry in entries:
        kind = entry.addresses[0].partition(".")[0]
        alone = () if len(entry.addresses) == 1 else entry.addresses
        groups.setdefault((entry.symbol, entry.category, kind, alone, shape(entry)), []).append(entry)
    folded: list[PlanEntry] = []
    for group in groups.values():
        if len(group) < FOLD_FROM:
            folded += group
            continue
        first = group[0]
        addresses = tuple(entry.addresses[0] for entry in group)
        rows = [PlanRow(f"{len(group)} alike: {_some(addresses)}")]
        for index, row in enumerate(first.rows):
            text = f"{row.text}{etc}" if _VALUES.fullmatch(row.text) else row.text
            rows.append(PlanRow(text, _common([entry.rows[index].source for entry in group]), row.tone))
        folded.append(PlanEntry(addresses, first.symbol, first.category, first.action, tuple(rows), first.rank))
    return folded


def _exactly(entry: PlanEntry) -> tuple[Any, ...]:
    name = entry.addresses[0].partition(".")[2]
    return tuple((row.text.replace(name, "*"), row.tone) for row in entry.rows)


def _roughly(entry: PlanEntry) -> tuple[Any, ...]:
    """Return the shape of an entry by its fields, whatever their values."""
    name = entry.addresses[0].partition(".")[2]
    return tuple((_VALUES.sub(r"\1", row.text).replace(name, "*"), row.tone) for row in entry.rows)


def _common(sources: list[str | None]) -> str | None:
    """Return the place that all sources name; else their file, or how many files there are."""
    if len(set(sources)) == 1:
        return sources[0]
    files = {source.partition(":")[0] for source in sources if source}
    return files.pop() if len(files) == 1 else f"{len(files)} files"


def _some(addresses: tuple[str, ...]) -> str:
    names = [address.partition(".")[2] for address in addresses]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def title(document: dict[str, Any]) -> str:
    return (
        f"{document['project']} · {document['environment']} · state serial {document['serial']} · "
        f"{_count(document['resources'], 'resource')}"
    )


def summary(document: dict[str, Any]) -> str:
    counts = document["summary"]
    parts = [
        f"{counts['create']} to create",
        f"{counts['change']} to change",
        f"{counts['run_again']} to run again",
        f"{counts['depend']} that depend{'s' if counts['depend'] == 1 else ''} on it",
        f"{counts['destroy']} to destroy",
    ]
    if counts["forget"]:
        parts.append(f"{counts['forget']} to forget")
    if counts["move"]:
        parts.append(f"{counts['move']} to move")
    return f"Plan: {', '.join(parts)}."


def unchanged(document: dict[str, Any], most: int = 8) -> str:
    names = [entry["address"] for entry in document["unchanged"]]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def no_changes(document: dict[str, Any], seconds: float | None = None) -> str:
    took = f", {seconds:.1f} s" if seconds is not None else ""
    count = _count(document["resources"], "resource")
    if any(item["is_fault"] for item in document["attention"]):
        return f"No changes, and not all is well ({count}{took})."
    return f"No changes. The world matches conf/ ({count}{took})."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
