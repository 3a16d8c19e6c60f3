"""Open the rows of a batch.

Lives here: open_rows and OpenRows: the intervals that the rows fall into, and the rows of one of them.
Not here: opening one source (data.sources), judging values (typed_columns).
Law: the rows of an interval are the same, in the same order, however often it is read; sources that are not what was pinned
are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import duckdb
import pyarrow as pa
from pydantic import TypeAdapter

from mlops.config.schema.dataset import Dataset
from mlops.config.schema.sources.file import FileSource
from mlops.config.schema.sources.source import BY_SCHEME, SourceSpec
from mlops.contracts.intervals import MONDAY, WHOLE, interval_name, start_of
from mlops.contracts.scoring import InputTables, IntervalRows
from mlops.sources.file import locate
from mlops.workloads.data.resources import MachineResources
from mlops.workloads.data.sources.source import Place, explained, open_newest, open_sources
from mlops.workloads.data.sql import RESULT, connect, run_sql, seal_database
from mlops.workloads.data.sql_text import literal, literal_path, quoted
from mlops.workloads.stage import failed

_INPUT = "input"
_JUDGE: TypeAdapter[SourceSpec] = TypeAdapter(Annotated[SourceSpec, BY_SCHEME])
_SHARE = 0.4
"""Of the memory, how much DuckDB may take."""
_BUCKET = "mlops interval"


@dataclass(frozen=True)
class OpenRows:
    """The rows, opened. `table`: the table, or the SQL of it, that holds them. `moment`: SQL of a row's time, UTC."""

    connection: duckdb.DuckDBPyConnection
    table: str
    columns: dict[str, str]
    moment: str | None
    length: float | None

    def intervals(self) -> tuple[list[IntervalRows], int]:
        """Return the intervals that the rows fall into, in their order, and how many rows have no time."""
        digest = f"sum(hash({quoted('one')})::HUGEINT)"
        if self.moment is None or self.length is None:
            rows = self._rows(f"SELECT count(*), {digest} FROM {self.table} AS {quoted('one')}")  # noqa: S608
            return [IntervalRows(name=WHOLE, rows=rows[0][0], digest=_digest(rows[0][1]))], 0
        bucket = f"time_bucket(to_microseconds({round(self.length * 1e6)}), {self.moment}, TIMESTAMP {literal(MONDAY)})"
        found = self._rows(
            f"SELECT {bucket} AS {quoted(_BUCKET)}, count(*), {digest} FROM {self.table} AS {quoted('one')} "  # noqa: S608
            "GROUP BY 1 ORDER BY 1 NULLS LAST"
        )
        intervals = [
            IntervalRows(name=interval_name(start.replace(tzinfo=UTC), self.length), rows=count, digest=_digest(number))
            for start, count, number in found
            if start is not None
        ]
        return intervals, sum(count for start, count, _ in found if start is None)

    def batches(self, interval: str, size: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of an interval, so many at a time, in their order; several intervals may be read at once."""
        cursor = self.connection.cursor()
        try:
            where = self._within(interval)
            yield from cursor.execute(f"SELECT * FROM {self.table}{where}").to_arrow_reader(size)  # noqa: S608
        finally:
            cursor.close()

    def _within(self, interval: str) -> str:
        if self.moment is None or self.length is None:
            return ""
        start = start_of(interval)
        end = start + timedelta(seconds=self.length)
        return f" WHERE {self.moment} >= {_timestamp(start)} AND {self.moment} < {_timestamp(end)}"

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()


@contextmanager
def open_rows(given: InputTables, root: Path, scratch: Path, resources: MachineResources) -> Iterator[OpenRows]:
    """Open the rows of a batch. `scratch`: a folder that is removed afterwards. Raises MlopsError."""
    specs = {name: _JUDGE.validate_python(source) for name, source in given.tables.items()}
    place = Place.of(root, scratch / "sources")
    place.scratch.mkdir(parents=True, exist_ok=True)
    with connect() as connection:
        for name, value in _settings(given, resources, scratch).items():
            connection.execute(f"SET {name} = {literal(value)}").fetchall()
        table = _direct(given, specs, place)
        if table is None:
            table = _opened(connection, given, specs, place)
        with explained(f"`{specs[_INPUT].uri}`", place):
            columns = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}  # noqa: S608
            yield OpenRows(connection, table, columns, _moment(given, columns), given.interval)


def _settings(given: InputTables, resources: MachineResources, scratch: Path) -> dict[str, Any]:
    """Rows keep their order; SQL runs in one thread, since the order that it gives may depend on their number."""
    return {
        "threads": 1 if given.sql else resources.threads, "memory_limit": f"{int(resources.memory * _SHARE) >> 20}MiB",
        "temp_directory": str(scratch / "spill"), "preserve_insertion_order": True,
    }  # fmt: skip


def _direct(given: InputTables, specs: dict[str, SourceSpec], place: Place) -> str | None:
    """Return SQL that reads Parquet files as they are asked for, so that no copy is made; None for all other sources."""
    spec = specs[_INPUT]
    if given.sql is not None or not isinstance(spec, FileSource) or spec.types:
        return None
    files = locate(spec.uri, place.root, format=spec.folder_format())
    if {spec.format_of(path.name) for path in files.paths} != {"parquet"} or any(map(files.partition, files.paths)):
        return None
    _check_pinned(given, spec, place)
    columns = "*" if spec.columns is None else ", ".join(map(quoted, spec.columns))
    paths = literal([literal_path(str(path)) for path in files.paths])
    return f"(SELECT {columns} FROM read_parquet({paths}, union_by_name = true, hive_partitioning = false))"  # noqa: S608


def _check_pinned(given: InputTables, spec: SourceSpec, place: Place) -> None:
    from mlops.sources.source import FileDigests, fingerprint_of

    pinned = given.fingerprints.get(_INPUT)
    if pinned and fingerprint_of(given.tables[_INPUT], root=place.root, digests=FileDigests()) != pinned:
        raise failed(
            "source is not the planned one",
            f"`{spec.uri}` has another content than when it was planned. Plan again, and apply that.",
        )


def _opened(
    connection: duckdb.DuckDBPyConnection, given: InputTables, specs: dict[str, SourceSpec], place: Place
) -> str:
    """Make tables of the sources, run the SQL over them, and return the name of the table of the rows."""
    dataset = Dataset.model_construct(sources=specs, sql=given.sql, window=None)
    if given.fingerprints:
        open_sources(connection, dataset, {"fingerprint": given.fingerprints, "sources": given.tables}, place)
    else:
        for name, spec in specs.items():
            open_newest(connection, name, spec, place)
    if given.sql is None:
        return quoted(_INPUT)
    seal_database(connection)
    run_sql(connection, dataset)
    return quoted(RESULT)


def _moment(given: InputTables, columns: dict[str, str]) -> str | None:
    """Return SQL of the time of a row, as a TIMESTAMP in UTC. Raises MlopsError where there is no such column."""
    if given.time is None:
        return None
    kind = columns.get(given.time)
    if kind is None:
        raise failed(
            "no such column",
            f"`time: {given.time}` is no column of the rows, which have: {', '.join(columns)}. Name one of these.",
        )
    column = quoted(given.time)
    if kind.startswith("TIMESTAMP WITH TIME ZONE"):
        return f"timezone('UTC', {column})"
    if kind == "DATE":
        return f"CAST({column} AS TIMESTAMP)"
    if not kind.startswith("TIMESTAMP"):
        raise failed(
            "column is no time",
            f"`time: {given.time}` is of type {kind}, and is a date or a timestamp. Cast it in `sql`, "
            f"with CAST({given.time} AS TIMESTAMP) AS {given.time}, or say its format on the input.",
        )
    return f"CAST({column} AS TIMESTAMP)" if kind != "TIMESTAMP" else column


def _timestamp(moment: datetime) -> str:
    return f"TIMESTAMP {literal(f'{moment:%Y-%m-%d %H:%M:%S}')}"


def _digest(number: Any) -> str:
    return f"{duckdb.__version__}:{int(number or 0):x}"
