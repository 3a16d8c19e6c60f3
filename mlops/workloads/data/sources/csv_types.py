"""See whether the first rows of a CSV file show the types of all.

Lives here: first_rows_suffice. DuckDB finds the types of columns by trying them on rows, in one thread and many times slower than it
reads; here a regular expression of whole lines says whether more rows could change what the first ones show.
Not here: reading (files), the options (csv).
Law: the types are those that DuckDB finds with all rows. What is not surely so is left to DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.sources.source import FileSpec
from mlops.workloads.data.sql_text import literal

ALL_ROWS = "sample_size = -1"
FIRST_ROWS = "sample_size = 20480"
SMALL_FILE = 2 * 2**20
"""Bytes of a file below which DuckDB looks at all rows soon enough."""
_SEEN = 10_000
"""Rows of the sample, with some to spare, that must show a value for a column of text to be one."""
_BLOCK = 2**20
_ABSENT = "(empty)"
_NEWLINES = {"\\n": "\\n", "\\r\\n": "\\r\\n"}
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_WHOLE = "-?(?:0|[1-9][0-9]*)"
_FORMS = {
    "BIGINT": _WHOLE,
    "DOUBLE": rf"{_WHOLE}(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{{1,2}})?|-?\.[0-9]+|NaN|nan",
    "DATE": _DAY,
    "TIMESTAMP": rf"{_DAY}[ T][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]{{1,6}})?",
    "BOOLEAN": "[tT]rue|[fF]alse|TRUE|FALSE",
}


def first_rows_suffice(connection: duckdb.DuckDBPyConnection, path: Path, spec: FileSpec, call: str) -> bool:
    """Return whether the types that the first rows of a file show are those of all its rows.

    `call`: the arguments of `read_csv` after the path.
    """
    is_written_otherwise = spec.decimal != "." or spec.thousands or spec.date_format or spec.timestamp_format
    is_packed_or_pattern = path.suffix == ".gz" or any(character in str(path) for character in "*?[")
    if is_written_otherwise or is_packed_or_pattern or path.stat().st_size < SMALL_FILE:
        return False
    arguments = f"{literal(str(path))}, {call.replace(ALL_ROWS, FIRST_ROWS)}"
    try:
        answer = connection.execute(f"FROM sniff_csv({arguments})")
        names = [column[0] for column in answer.description]
        sniffed = dict(zip(names, answer.fetchall()[0], strict=True))
        seen = connection.execute(
            f"SELECT count(COLUMNS(*)) FROM (FROM read_csv({arguments}) LIMIT {_SEEN})"  # noqa: S608
        ).fetchall()[0]
    except duckdb.Error:
        return False
    line = _line(sniffed, seen, spec)
    threads = int(connection.execute("SELECT current_setting('threads')").fetchall()[0][0])
    return line is not None and _is_made_of(path, line, sniffed["HasHeader"], threads)


def _line(sniffed: Mapping[str, Any], seen: Sequence[int], spec: FileSpec) -> str | None:
    """Return the expression of a line with the types that were found; None where it is not known how such a line looks."""
    quote, delimiter = sniffed["Quote"], sniffed["Delimiter"]
    is_plain = (sniffed["Comment"], sniffed["SkipRows"]) == (_ABSENT, 0) and sniffed["Escape"] in (_ABSENT, '"')
    newline = _NEWLINES.get(sniffed["NewLineDelimiter"])
    has_format = sniffed["DateFormat"] not in (None, "%Y-%m-%d") or sniffed["TimestampFormat"] is not None
    if not is_plain or newline is None or has_format or quote not in (_ABSENT, '"') or len(delimiter) != 1:
        return None
    missing = [_literal(text) for text in ("", *spec.null)]
    text = rf"""(?:[^"'\r\n{_literal(delimiter)}][^"\r\n{_literal(delimiter)}]*)?"""
    fields: list[str] = []
    for column, values in zip(sniffed["Columns"], seen, strict=True):
        form = _FORMS.get(column["type"])
        if column["type"] == "VARCHAR":
            forms = [text, *(['"[^"]*"'] if quote == '"' else [])] if values else missing
        elif form is None:
            return None
        else:
            forms = [form, *([f'"(?:{form})"'] if quote == '"' else []), *missing]
        fields.append(f"(?:{'|'.join(forms)})")
    return _literal(delimiter).join(fields) + newline


def _literal(text: str) -> str:
    return "".join(f"\\x{{{byte:02x}}}" for byte in text.encode())


def _is_made_of(path: Path, line: str, has_header: bool, threads: int) -> bool:
    """Return whether every line of the file, after its header, matches."""
    with path.open("rb") as file:
        header = file.readline() if has_header else b""
        if header.count(b'"') % 2:
            return False
        start, size = len(header), path.stat().st_size
        bounds = [start]
        for part in range(1, threads):
            file.seek(start + (size - start) * part // threads)
            file.readline()
            bounds.append(max(bounds[-1], file.tell()))
    ranges = zip(bounds, [*bounds[1:], size], strict=True)
    with ThreadPoolExecutor(threads) as pool:
        return all(pool.map(partial(_range_matches, path, rf"\A(?:{line})*\z"), ranges))


def _range_matches(path: Path, expression: str, bounds: tuple[int, int]) -> bool:
    return all(
        pc.match_substring_regex(pa.array([block], pa.binary()), expression)[0].as_py()
        for block in _blocks(path, *bounds)
    )


def _blocks(path: Path, start: int, end: int) -> Iterator[bytes]:
    """Yield whole lines of a part of the file, the last with its newline."""
    with path.open("rb") as file:
        file.seek(start)
        rest = b""
        while start < end:
            read = file.read(min(_BLOCK, end - start))
            start += len(read)
            cut = read.rfind(b"\n") + 1
            if cut:
                yield rest + read[:cut]
                rest = b""
            rest += read[cut:]
        if rest:
            yield rest + b"\n"
