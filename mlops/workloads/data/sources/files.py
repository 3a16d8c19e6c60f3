"""Read files as a table.

Lives here: read_source_files, for CSV, Parquet, JSON, Excel, text and images, packed or not, one file or several.
Not here: which files (mlops.sources), the options of CSV (csv), the pattern of text (text), sheets (excel), images (images).
Law: exactly the files that were pinned are read, in their order; of a packed file, the one file inside.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb
import pyarrow as pa

from mlops.config.schema.sources.source import FileSpec, option_of
from mlops.sources.files import SourceFiles
from mlops.workloads.data.sources.csv import SQL_TYPES, advice, csv_call, decoded, glued
from mlops.workloads.data.sources.csv_types import ALL_ROWS, FIRST_ROWS, first_rows_suffice
from mlops.workloads.data.sources.excel import forget_sheets, sheet_rows
from mlops.workloads.data.sources.images import IMAGES_TABLE, forget_images, read_images
from mlops.workloads.data.sources.text import forget_lines, matched_lines
from mlops.workloads.data.sql_text import literal, literal_path, quoted
from mlops.workloads.stage import failed

__all__ = ["quoted", "read_source_files"]
_FILE = "mlops file"
_PARTS = "mlops parts"
_PATH = "mlops path"


def read_source_files(
    connection: duckdb.DuckDBPyConnection,
    table_name: str,
    spec: FileSpec,
    files: SourceFiles,
    *,
    scratch: Path,
    first: int | None = None,
) -> None:
    """Make the table of what the files hold, or of their `first` rows. Raises MlopsError where they hold nothing that can be
    read."""
    for path in files.paths:
        if path.stat().st_size == 0:
            raise failed(
                "empty source",
                f"{path} (source {table_name}) has no content. Restore the file, or name another in `uri`.",
            )
    where = f"{files.paths[0] if files.is_one else spec.uri} (source {table_name})"
    kind = _format(where, spec, files)
    readable = {path: _readable(table_name, path, (spec, kind), scratch) for path in files.paths}
    parts = {str(readable[path]): files.partition(path) for path in files.paths}
    try:
        if kind == "image":
            names = {str(readable[path]): files.relative(path) for path in files.paths}
            read_images(connection, names, where=where, first=first, file_column=_FILE)
        _load(connection, table_name, (spec, kind), parts, (where, first))
    except duckdb.Error as error:
        said = advice(str(error)) if kind in ("csv", "text") else str(error).strip()
        raise failed("source cannot be read", f"{where}: {said}") from error
    table = connection.sql(f"FROM {quoted(table_name)}")
    if kind == "csv" and (name := glued(table.columns, spec)):
        raise failed(
            "source cannot be read",
            f"{where}: it was read as one column, `{name}`, because not every row has as many fields as the first. Say the "
            "`delimiter` of the source, and `quote` where texts hold it; the message then names the line.",
        )
    if not table.limit(1).project("1").fetchall():
        raise failed(
            "empty source",
            f"{where} has a header and no rows. Restore the file, or name another in `uri`.",
        )


def _load(
    connection: duckdb.DuckDBPyConnection, table_name: str, how: tuple[FileSpec, str],
    parts: dict[str, dict[str, str | None]], place: tuple[str, int | None],
) -> None:  # fmt: skip
    """Create the table. `parts`: each file to read, with what its folders KEY=VALUE say. `place`: the source as a message
    names it, and how many rows are enough."""
    (spec, kind), (where, first) = how, place
    keys = list(dict.fromkeys(key for part in parts.values() for key in part))
    call = ""
    if kind == "text":
        rows = matched_lines(connection, spec, list(parts), where=where, file_column=_FILE)
    elif kind == "image":
        rows = IMAGES_TABLE
    elif kind == "excel":
        rows = sheet_rows(connection, spec, list(parts), where=where, file_column=_FILE)
    else:
        rows, call = _table_call(how, list(parts), keys)
    if keys:
        connection.register(_PARTS, _partition_table(parts, keys, spec))
        rows = (
            f"(SELECT COLUMNS(lambda name: lower(name) NOT IN ({', '.join(literal(name.lower()) for name in (_FILE, _PATH, *keys))})), "  # noqa: S608
            f"{', '.join(f'parts.{quoted(key)}' for key in keys)} FROM {rows} AS files "
            f"JOIN {quoted(_PARTS)} AS parts ON files.{quoted(_FILE)} = parts.{quoted(_PATH)})"
        )
    elif kind in ("text", "excel", "image"):
        rows = f"(SELECT * EXCLUDE ({quoted(_FILE)}) FROM {rows})"  # noqa: S608
    columns = "*" if spec.columns is None else ", ".join(map(quoted, spec.columns))
    limit = "" if first is None else f" LIMIT {first}"
    made = f"CREATE TABLE {quoted(table_name)} AS SELECT {columns} FROM {rows}{limit}"  # noqa: S608
    try:
        sampled = made
        if kind == "csv" and all(first_rows_suffice(connection, Path(path), spec, call) for path in parts):
            sampled = made.replace(call, call.replace(ALL_ROWS, FIRST_ROWS), 1)
        connection.execute(sampled).fetchall()
    except duckdb.Error:
        if sampled == made:
            raise
        connection.execute(made).fetchall()
    if keys:
        connection.unregister(_PARTS)
    forget_lines(connection)
    forget_sheets(connection)
    forget_images(connection)


def _table_call(how: tuple[FileSpec, str], paths: list[str], keys: list[str]) -> tuple[str, str]:
    """Return SQL for the rows of the files with the path of each where there are `keys`, and the options of CSV in it."""
    spec, kind = how
    types = {name: SQL_TYPES[type_] for name, type_ in spec.types.items() if name not in keys}
    call = csv_call(spec, types) if kind == "csv" else ""
    options = ["hive_partitioning = false", *filter(None, [call])]
    if len(paths) > 1:
        options.append("union_by_name = true")
    if keys:
        options.append(f"filename = '{_FILE}'")
    rows = f"read_{kind}({literal([literal_path(path) for path in paths])}, {', '.join(options)})"
    if types and kind != "csv":
        casts = ", ".join(f"CAST({quoted(name)} AS {type_}) AS {quoted(name)}" for name, type_ in types.items())
        rows = f"(SELECT * REPLACE ({casts}) FROM {rows})"  # noqa: S608
    return rows, call


def _partition_table(parts: dict[str, dict[str, str | None]], keys: Iterable[str], spec: FileSpec) -> pa.Table:
    columns: dict[str, pa.Array] = {_PATH: pa.array(list(parts))}
    for key in keys:
        texts = [part.get(key) for part in parts.values()]
        values = texts if spec.types.get(key) == "string" else _typed(texts)
        columns[key] = pa.array(values, pa.string() if values is texts else None)
    return pa.table(columns)


def _typed(texts: list[str | None]) -> list[Any]:
    """Return whole numbers or dates where every text is one, written as such are; else the texts themselves."""
    for read in (int, dt.date.fromisoformat):
        try:
            values: list[Any] = [None if text is None else read(text) for text in texts]
        except ValueError:
            continue
        if [None if value is None else str(value) for value in values] == texts:
            return values
    return texts


def _format(where: str, spec: FileSpec, files: SourceFiles) -> str:
    kinds = {spec.format_of(path.name) for path in files.paths}
    kind = next(iter(kinds))
    if len(kinds) > 1:
        raise failed(
            "unclear source",
            f"{where} is of several formats: {', '.join(sorted(str(one or 'unknown') for one in kinds))}. Say `format`, or "
            "name the files of one format, such as `raw/*.csv`.",
        )
    if kind is None:
        raise failed(
            "unknown format",
            f"{where}: its ending says no format. Say `format: csv`, parquet, json or excel, or the `pattern` of its lines.",
        )
    if option := spec.unfitting_option(kind):
        raise failed("option does not fit", f"{where} is {kind}, and `{option}` is {option_of(option)}. Take it out.")
    return kind


def _readable(name: str, path: Path, how: tuple[FileSpec, str], scratch: Path) -> Path:
    """Return a file that DuckDB reads: the file, what was packed in it, or a copy in UTF-8."""
    spec, kind = how
    found = _unpacked(name, path, scratch) if path.suffix == ".zip" else path
    return decoded(found, spec, scratch) if kind in ("csv", "text") else found


def _unpacked(name: str, path: Path, scratch: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [info for info in archive.infolist() if not info.is_dir()]
            if len(inside) != 1:
                raise failed(
                    "unclear source", f"{path} (source {name}) holds {len(inside)} files; a source is one table."
                )
            return Path(archive.extract(inside[0], mkdtemp(dir=scratch)))
    except zipfile.BadZipFile as error:
        raise failed("source cannot be read", f"{path} (source {name}) is no zip archive: {error}.") from error
