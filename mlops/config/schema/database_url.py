"""Judge the address of the database that keeps the state.

Lives here: url_fault, what is wrong with an address, and is_in_the_clear, whether it holds a password that anyone can read.
Not here: opening it (engine.store), filling its secrets in (config.project).
Law: no piece of the address is in a message: what looks like a host may be the rest of a password.
"""

from __future__ import annotations

import re

FORM = "postgresql+psycopg://USER:PASSWORD@HOST:PORT/NAME"
_REFERENCE = re.compile(r"\$\{secret:[A-Za-z_]\w*\}")
_OTHER_POSTGRESQL = re.compile(r"postgres(ql)?(\+[a-z0-9]+)?")
_KNOWN = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
_AFTER_SCHEME = re.compile(
    r"([^:/@]*(:[^@]*)?@)?([\w.%-]*|\[[0-9A-Fa-f:.%]+\])(:\d{1,5})?(/[^/?@]*)?(\?.*)?", re.ASCII | re.DOTALL
)
_CLEAR = (
    re.compile(r"^[a-z0-9+]+://[^/@:]*:(?!\$\{secret:[A-Za-z_]\w*\}@)[^@]+@", re.DOTALL),
    re.compile(r"[?&](ssl)?password=(?!\$\{secret:[A-Za-z_]\w*\}(&|$))[^&]"),
)


def url_fault(text: str) -> str | None:
    """Say what is wrong with the address, as the predicate of a sentence whose subject is the field; None where nothing
    is. References to secrets may stand in it."""
    if _REFERENCE.fullmatch(text):
        return None
    scheme, there, rest = _REFERENCE.sub("x", text).partition("://")
    if scheme not in _KNOWN or not there:
        if there and _OTHER_POSTGRESQL.fullmatch(scheme):
            return (
                f"it begins with `{scheme}://`, and PostgreSQL is spoken to through psycopg here; write "
                "`postgresql+psycopg://` in its place"
            )
        return "it is the address of a database: sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME"
    if scheme.startswith("sqlite") or _AFTER_SCHEME.fullmatch(rest):
        return None
    if "@" in rest:
        return (
            f"it is not of the form {FORM}. As a rule the password holds a character that the form uses; write such "
            "characters percent-encoded: @ as %40, : as %3A, / as %2F, # as %23, ? as %3F, % as %25"
        )
    return f"it is not of the form {FORM}"


def is_in_the_clear(text: str) -> bool:
    return any(pattern.search(text) for pattern in _CLEAR)
