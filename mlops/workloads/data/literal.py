"""Write values into SQL.

Lives here: literal.
Not here: names (sources.files.quoted).
Law: DuckDB reads back the value that was given. (Parameters would do, and import pandas, which takes longer than many a
preparation.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def literal(value: object) -> str:
    """Return a value as SQL writes it: a text, a number, a truth, or a list or mapping of such."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(literal, value)) + "]"
    return str(value)
