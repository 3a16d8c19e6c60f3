"""Open sources as tables.

Lives here: open_sources, which makes each source a table that the SQL may name.
Not here: finding a file (spec.location), the SQL.
Law: a source whose content is not what the parameters pin is refused before it is read.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

import duckdb

from mlops.config.schema.dataset import Dataset, FileSource
from mlops.config.schema.location import fingerprint, locate
from mlops.workloads.stage import failed

_ENDINGS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".json": "json", ".jsonl": "json",
            ".ndjson": "json"}  # fmt: skip


def open_sources(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, fingerprints: dict[str, str], root: Path
) -> int:
    """The number of rows of the largest source. Raises MlopsError."""
    most = 0
    beside = root / ".mlops" / "tmp"
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=beside) as scratch:
        for name, source in dataset.sources.items():
            path = locate(source.uri, root)
            if fingerprint(path) != fingerprints.get(name):
                raise failed(
                    "source is not the pinned one",
                    f"{path} (source {name}) has another content than params/ pins. Run `mlops render`, and look at the plan.",
                )
            most = max(most, _table(connection, name, source, path, Path(scratch)))
    return most


def _table(connection: duckdb.DuckDBPyConnection, name: str, source: FileSource, path: Path, scratch: Path) -> int:
    if path.stat().st_size == 0:
        raise failed(
            "empty source", f"{path} (source {name}) has no content. Restore the file, or name another in `uri`."
        )
    read, arguments = _reader(name, source, path, scratch)
    columns = "*" if source.columns is None else ", ".join(f'"{column}"' for column in source.columns)
    try:
        connection.execute(f'CREATE TABLE "{name}" AS SELECT {columns} FROM {read}', arguments).fetchall()  # noqa: S608
        told = connection.sql(f'SELECT count(*) FROM "{name}"').fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise failed("source cannot be read", f"{path} (source {name}): {str(error).strip()}") from error
    count = int(told[0][0])
    if count == 0:
        raise failed(
            "empty source",
            f"{path} (source {name}) has a header and no rows. Restore the file, or name another in `uri`.",
        )
    return count


def _reader(name: str, source: FileSource, path: Path, scratch: Path) -> tuple[str, list[object]]:
    inner = path.name
    if path.suffix == ".zip":
        path = _unpacked(name, path, scratch)
        inner = path.name
    stem = Path(inner.removesuffix(".gz"))
    kind = source.format or _ENDINGS.get(stem.suffix)
    match kind:
        case "csv":
            return "read_csv(?, nullstr = ?, sample_size = -1, header = true)", [str(path), list(source.null)]
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
