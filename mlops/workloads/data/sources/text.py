"""Read lines of text by a pattern.

Lives here: matched_lines, which makes each named group of `pattern` a column.
Not here: which files (files), what a pattern may hold (config.schema.sources.source).
Law: no line disappears unnoticed: those that do not match are counted, and more than the stated share of them is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from mlops.config.schema.sources.source import FileSpec
from mlops.config.schema.units import format_share
from mlops.workloads.data.sources.csv import SQL_TYPES
from mlops.workloads.data.sql_text import literal, literal_path, quoted
from mlops.workloads.stage import failed

_LINES = "mlops lines"
_NOWHERE = "\x1c\x1d\x1e\x1f"
_LONGEST = 16_000_000
_SHOWN = 120


def matched_lines(
    connection: duckdb.DuckDBPyConnection, spec: FileSpec, paths: Sequence[str], *, where: str, file_column: str
) -> str:
    """Return SQL for the rows of the lines that match, with the path of each in `file_column`.

    Raises MlopsError where too many lines do not match, or an error of DuckDB.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {quoted(_LINES)} AS SELECT line, filename FROM read_csv(?, delim = ?, quote = '', "  # noqa: S608
        "escape = '', nullstr = ?, header = false, auto_detect = false, columns = {'line': 'VARCHAR'}, "
        "hive_partitioning = false, strict_mode = false, max_line_size = ?, filename = true) WHERE trim(line) <> ''",
        [[literal_path(path) for path in paths], _NOWHERE, [_NOWHERE[::-1]], _LONGEST],
    ).fetchall()
    _check_matched(connection, spec, where)
    groups = ", ".join(literal(name) for name in spec.groups())
    columns = ", ".join(f"{_typed(name, spec)} AS {quoted(name)}" for name in spec.groups())
    return (
        f"(SELECT {columns}, filename AS {quoted(file_column)} FROM (SELECT filename, "  # noqa: S608
        f"regexp_extract(line, {literal(spec.pattern or '')}, [{groups}]) AS found FROM {quoted(_LINES)} "
        f"WHERE regexp_matches(line, {literal(spec.pattern or '')})))"
    )


def forget_lines(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove what `matched_lines` kept in the database."""
    connection.execute(f"DROP TABLE IF EXISTS {quoted(_LINES)}").fetchall()


def _check_matched(connection: duckdb.DuckDBPyConnection, spec: FileSpec, where: str) -> None:
    total, others, example = connection.execute(
        f"SELECT count(*), count(*) FILTER (NOT matches), any_value(line) FILTER (NOT matches) FROM (SELECT line, "  # noqa: S608
        f"regexp_matches(line, ?) AS matches FROM {quoted(_LINES)})",
        [spec.pattern],
    ).fetchall()[0]
    if others > spec.unmatched * total:
        shown = example if len(example) <= _SHOWN else f"{example[:_SHOWN]}…"
        raise failed(
            "lines do not match",
            f"{where}: {others:,} of {total:,} lines ({format_share(others / total)}) do not match `pattern`, and "
            f"`unmatched` allows {format_share(spec.unmatched)}. One of them is: {shown} — Correct `pattern`, or say the "
            "largest share of such lines in `unmatched`.",
        )


def _typed(name: str, spec: FileSpec) -> str:
    """Return SQL for the value of a group."""
    text = f"found[{literal(name)}]"
    missing = ", ".join(map(literal, spec.null))
    value = f"CASE WHEN {text} IN ({missing}) THEN NULL ELSE {text} END" if missing else text
    type_ = spec.types.get(name)
    form = {"date": spec.date_format, "timestamp": spec.timestamp_format}.get(type_ or "")
    if form is not None:
        value = f"strptime({value}, {literal(form)})"
    return f"CAST({value} AS {SQL_TYPES[type_]})" if type_ else value
