"""Find the options with which a source is read better.

Lives here: better_source and other_encoding, and ReadingOption, one option with its reason.
Not here: reading (sources), what a data set does with the columns (scaffold).
Law: an option is proposed only where all values of a column then fit; what the options already say stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from mlops.config.schema.sources.source import FileSpec
from mlops.sources.files import file_format
from mlops.workloads.data.sql_text import quoted

_MISSING = ("?", "-", "--", ".", "n/a", "na", "nan", "null", "none", "#n/a", "missing", "unknown")
_MOST_TEXTS = 3
_COMMA = r"[+-]?\d+,\d+"
_PLAIN = r"[+-]?\d+"


@dataclass(frozen=True)
class ReadingOption:
    """The source's fields with one option more, and why it is there."""

    source: dict[str, Any]
    note: str


def better_source(connection: duckdb.DuckDBPyConnection, table: str, source: dict[str, Any]) -> ReadingOption | None:
    """Return the next option that a CSV source should have; None where it is read as well as can be."""
    if (source.get("format") or file_format(source["uri"])) != "csv":
        return None
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {table}").fetchall()}
    has_points = "DOUBLE" in types.values()
    for name in (name for name, kind in types.items() if kind == "VARCHAR"):
        if "decimal" not in source and not has_points and _all_match(connection, table, name, _COMMA):
            return ReadingOption({**source, "decimal": ","}, f"`{name}`: numbers with a decimal comma")
        found = _missing_texts(connection, table, name)
        if found and not set(found[0]) <= set(source.get("null", ())):
            listed = list(dict.fromkeys([*source.get("null", FileSpec.model_fields["null"].default), *found[0]]))
            shown = ", ".join(f"`{text}`" for text in found[0] if text.strip()) or "blank"
            count = f"{found[1]:,} {shown}{'s' if shown == 'blank' and found[1] > 1 else ''}"
            return ReadingOption({**source, "null": listed}, f"`{name}`: a number with {count}")
    return None


def other_encoding(source: dict[str, Any], message: str) -> ReadingOption | None:
    """Return the source with the usual encoding of Windows, where it is no UTF-8 and names no encoding."""
    if "encoding" in source or not any(sign in message for sign in ("not utf-8", "Invalid unicode")):
        return None
    return ReadingOption({**source, "encoding": "cp1252"}, "the text is not UTF-8; it can be read as cp1252")


def _all_match(connection: duckdb.DuckDBPyConnection, table: str, name: str, pattern: str) -> bool:
    column = f"trim({quoted(name)})"
    texts, commas = connection.execute(
        f"SELECT count(*) FILTER (WHERE NOT regexp_full_match({column}, ?)), "  # noqa: S608
        f"count(*) FILTER (WHERE regexp_full_match({column}, ?)) FROM {table} WHERE {quoted(name)} IS NOT NULL",
        [f"{pattern}|{_PLAIN}", pattern],
    ).fetchall()[0]
    return bool(texts == 0 and commas > 0)


def _missing_texts(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> tuple[list[str], int] | None:
    """Return the texts that stand between numbers and mean a missing value, and how many rows have one."""
    column = quoted(name)
    numbers, others = connection.execute(
        f"SELECT count(try_cast({column} AS DOUBLE)), count(*) FILTER (WHERE try_cast({column} AS DOUBLE) IS NULL) "  # noqa: S608
        f"FROM {table} WHERE {column} IS NOT NULL"
    ).fetchall()[0]
    if not others or numbers <= others:
        return None
    texts = connection.execute(
        f"SELECT {column}, count(*) FROM {table} WHERE {column} IS NOT NULL AND try_cast({column} AS DOUBLE) IS NULL "  # noqa: S608
        f"GROUP BY 1 ORDER BY 1 LIMIT {_MOST_TEXTS + 1}"
    ).fetchall()
    if len(texts) > _MOST_TEXTS or not all(text.strip().lower() in ("", *_MISSING) for text, _ in texts):
        return None
    return [text for text, _ in texts], sum(count for _, count in texts)
