"""See that values are of a list.

Lives here: check.
Not here: what may be expected (config.schema.checks.among).
Law: a missing value is left to `not_null` and `at_most_missing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.workloads.data.checks.check import Checked

_QUOTES = "YAML reads NO, yes and on as true or false, so write them in quotes: ['NO', 'SE']."


def check(checked: Checked, expected: tuple[Any, ...]) -> Iterator[str]:
    """Yield a sentence where a value is none of the list, or where the list is not of the column's type."""
    column = checked.values
    listed = f"lists {', '.join(map(_shown, expected))}"
    if not all(_fits(value, checked.kind) for value in expected):
        quotes = checked.kind == "string" and any(isinstance(value, bool) for value in expected)
        yield checked.unfit("among", listed, _QUOTES if quotes else "List values of that type, or cast it in the SQL.")
        return
    values = [value for value in expected if checked.kind != "int" or float(value).is_integer()]
    try:
        allowed = pa.array([int(v) for v in values] if checked.kind == "int" else values).cast(column.type)
    except (pa.ArrowInvalid, OverflowError):
        yield checked.unfit("among", listed, "List values of that type, such as 2013-12-31 for a date.")
        return
    wrong = pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, value_set=allowed)))
    yield from checked.breaking(wrong, f"one of {', '.join(map(_shown, expected))}")


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "bool":
            return isinstance(value, bool)
        case "int" | "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
