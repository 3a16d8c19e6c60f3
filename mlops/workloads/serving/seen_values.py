"""Judge rows by what training saw.

Lives here: RowRules, which says what a row must hold (`required`) and what of it lies far outside (`outside`).
Not here: whether a value has the right type (values), reading bodies (rows).
Law: a number is far outside where it is further from the training's range than a tenth of its width; a text where training
saw few different ones, and not this one; a missing value where training always had one. Dates and times are never judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from mlops.workloads.serving.values import FAST_TYPES, shown

MOST_OUTSIDE = 20
"""The most places that an answer names."""
_MOST_NAMED = 10
_MARGIN = 0.1
_INT64 = 2**63
OutsidePlace = dict[str, Any]


class RowRules:
    """`required`: "any" (a row needs one value at least), "all", "none", or names of columns. `outside`: "flag", "refuse" or
    "accept"."""

    def __init__(self, columns: Sequence[dict[str, Any]], api: dict[str, Any]) -> None:
        required = api.get("required", "any")
        self.outside = api.get("outside", "flag")
        self._names = [column["name"] for column in columns]
        everything = self._names if required == "all" else []
        self.required = set(everything if isinstance(required, str) else required)
        self._needs_one = required == "any"
        self._seen = [column.get("seen", {}) if self.outside != "accept" else {} for column in columns]
        self._kinds = [column["type"] for column in columns]
        self._nothing = (None,) * len(columns)
        self.empty = None if not self._needs_one or self._is_never_empty() else self._nothing
        """The row that decoders of `strict_types` let through and that is refused all the same, or None."""
        self._judges = [self._judge(kind, seen) for kind, seen in zip(self._kinds, self._seen, strict=True)]

    def _is_never_empty(self) -> bool:
        return any(self._is_expected(index) for index in range(len(self._names)))

    def _is_expected(self, index: int) -> bool:
        """Say whether a row without the column is refused or flagged."""
        return self._names[index] in self.required or not self._seen[index].get("missing", True)

    def strict_types(self) -> list[tuple[Any, bool]]:
        """Return for each column the type that no value has of which anything would be said, and whether it must be there."""
        found = []
        for index, (kind, seen) in enumerate(zip(self._kinds, self._seen, strict=True)):
            of_kind, expected = _narrowed(kind, seen), self._is_expected(index)
            found.append((of_kind if expected else of_kind | None, expected))
        return found

    def missing(self, rows: Sequence[tuple[Any, ...]]) -> list[OutsidePlace]:
        """Return what rows lack that they need."""
        problems: list[OutsidePlace] = []
        needed = [(index, name) for index, name in enumerate(self._names) if name in self.required]
        for number, row in enumerate(rows):
            if self._needs_one and all(value is None for value in row):
                named = ", ".join(self._names[:_MOST_NAMED])
                others = len(self._names) - _MOST_NAMED
                rest = f", or {others} more" if others > 0 else ""
                text = f"has no value of any column of the model, and needs one at least: {named}{rest}"
                problems.append({"row": number, "column": None, "problem": text})
            for index, name in needed:
                if row[index] is None:
                    problems.append({"row": number, "column": name, "problem": "is missing, and is required"})
            if len(problems) >= MOST_OUTSIDE:
                break
        return problems[:MOST_OUTSIDE]

    def outliers(self, rows: Sequence[tuple[Any, ...]]) -> list[OutsidePlace]:
        """Return what lies far outside of what training saw, by rows."""
        places: list[tuple[int, int, str]] = []
        for index, judge in enumerate(self._judges):
            if judge is not None:
                places += [
                    (number, index, text) for number, row in enumerate(rows) if (text := judge(row[index])) is not None
                ]
        places.sort()
        return [
            {"row": number, "column": self._names[index], "problem": text}
            for number, index, text in places[:MOST_OUTSIDE]
        ]

    def _judge(self, kind: str, seen: dict[str, Any]) -> Callable[[Any], str | None] | None:
        """Return what says how a value lies outside, or None where nothing is known of the column."""
        absent = None if seen.get("missing", True) else "is missing, and training always had it"
        if kind in ("int", "float") and "min" in seen:
            least, most = _bounds(seen)
            words = f"and training saw {_number(seen['min'])} to {_number(seen['max'])}"

            def number(value: Any) -> str | None:
                if value is None:
                    return absent
                return None if least <= value <= most else f"is {shown(value)}, {words}"

            return number
        if kind == "string" and "values" in seen:
            known = frozenset(seen["values"])

            def text(value: Any) -> str | None:
                if value is None:
                    return absent
                return None if value in known else f"is {shown(value)}, which training did not see"

            return text
        if absent is None:
            return None
        return lambda value: absent if value is None else None


def _bounds(seen: dict[str, Any]) -> tuple[float, float]:
    least, most = float(seen["min"]), float(seen["max"])
    margin = _MARGIN * (most - least)
    return least - margin, most + margin


def _narrowed(kind: str, seen: dict[str, Any]) -> Any:
    """Return the type that msgspec decodes of values that training saw, or nearly saw."""
    if kind in ("int", "float") and "min" in seen:
        least, most = _bounds(seen)
        if kind == "float":
            return Annotated[float, Meta(ge=least, le=most)]
        return Annotated[int, Meta(ge=max(math.ceil(least), -_INT64), le=min(math.floor(most), _INT64 - 1))]
    if kind == "string" and "values" in seen:
        return Literal[tuple(seen["values"])]
    return FAST_TYPES[kind]


def _number(value: float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
