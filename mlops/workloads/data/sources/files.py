"""Read a file as a table.

Lives here: read_file, for CSV, Parquet and JSON, packed or not.
Not here: where the file lies (mlops.sources).
Law: of a packed file, the one file inside is read.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import duckdb

from mlops.config.schema.sources.source import FileSpec
from mlops.workloads.stage import failed

_ENDINGS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".json": "json", ".jsonl": "json",
            ".ndjson": "json"}  # fmt: skip


def read_file(
    connection: duckdb.DuckDBPyConnection, table_name: str, spec: FileSpec, path: Path, *, scratch: Path
) -> None:
    """Make the table of what the file at `path` holds. Raises MlopsError where it holds nothing that can be read."""
    if path.stat().st_size == 0:
        raise failed(
            "empty source", f"{path} (source {table_name}) has no content. Restore the file, or name another in `uri`."
        )
    read, arguments = _reader(table_name, spec, path, scratch)
    columns = "*" if spec.columns is None else ", ".join(f'"{column}"' for column in spec.columns)
    try:
        connection.execute(f'CREATE TABLE "{table_name}" AS SELECT {columns} FROM {read}', arguments).fetchall()  # noqa: S608
        first = connection.sql(f'SELECT 1 FROM "{table_name}" LIMIT 1').fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise failed("source cannot be read", f"{path} (source {table_name}): {str(error).strip()}") from error
    if not first:
        raise failed(
            "empty source",
            f"{path} (source {table_name}) has a header and no rows. Restore the file, or name another in `uri`.",
        )


def _reader(name: str, spec: FileSpec, path: Path, scratch: Path) -> tuple[str, list[object]]:
    if path.suffix == ".zip":
        path = _unpacked(name, path, scratch)
    stem = Path(path.name.removesuffix(".gz"))
    match spec.format or _ENDINGS.get(stem.suffix):
        case "csv":
            return "read_csv(?, nullstr = ?, sample_size = -1, header = true)", [str(path), list(spec.null)]
        case "parquet":
            return "read_parquet(?)", [str(path)]
        case "json":
            return "read_json(?)", [str(path)]
    raise failed(
        "unknown format", f"{path} (source {name}): its ending says no format. Say `format: csv`, parquet or json."
    )


def _unpacked(name: str, path: Path, scratch: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [info for info in archive.infolist() if not info.is_dir()]
            if len(inside) != 1:
                raise failed(
                    "unclear source", f"{path} (source {name}) holds {len(inside)} files; a source is one table."
                )
            out = scratch / name
            out.mkdir()
            return Path(archive.extract(inside[0], out))
    except zipfile.BadZipFile as error:
        raise failed("source cannot be read", f"{path} (source {name}) is no zip archive: {error}.") from error
