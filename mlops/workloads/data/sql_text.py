"""Write names, values and paths into SQL.

Lives here: quoted, literal, literal_path.
Not here: the SQL around them (sources, sql).
Law: no character of a name, value or path means anything to DuckDB. (Parameters would do, and import pandas, which takes
longer than many a preparation.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


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


def literal_path(path: str) -> str:
    """Return a path so that DuckDB takes none of its characters for a pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)
