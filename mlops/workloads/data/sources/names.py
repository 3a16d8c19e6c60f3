"""Write names, texts and paths into SQL.

Lives here: quoted, text_literal, literal_path.
Not here: values that are passed as parameters (files, text).
Law: no character of a name, text or path means anything to DuckDB.
"""

from __future__ import annotations


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def literal_path(path: str) -> str:
    """Return a path so that DuckDB takes none of its characters for a pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)
