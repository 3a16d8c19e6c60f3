"""Keep sorted rows in a file.

Lives here: Rows, which reads one column or one window of rows at a time, and write_rows.
Not here: sorting (sorting), what is done with the rows (checks, splits, profile, parts).
Law: nobody holds the whole table unless a plug-in asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa

WINDOW = 1_000_000
"""Rows that are in memory at once. Where pages of the Parquet files end depends on it, so another number is other bytes."""
IMAGE_WINDOW = 1_000
"""The same of rows that hold images, which are a thousand times as large."""


class Rows:
    """Sorted rows in an Arrow file. Like a table of Arrow, it has `column_names`, `num_rows`, `schema` and `rows[NAME]`."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self.schema = schema
        with pa.OSFile(str(path)) as file:
            reader = pa.ipc.open_file(file)
            counts = [reader.get_batch(index).num_rows for index in range(reader.num_record_batches)]
        self._windows = len(counts)
        self.num_rows = sum(counts)

    @property
    def column_names(self) -> list[str]:
        names: list[str] = self.schema.names
        return names

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """Return one column, whole."""
        return self.select([name])[name]

    def select(self, names: Sequence[str]) -> pa.Table:
        """Return a table of some of the columns."""
        fields = [self.column_names.index(name) for name in names]
        schema = pa.schema([self.schema.field(field) for field in fields])
        return pa.Table.from_batches([batch.select(names) for batch in self._read(fields)], schema)

    @cached_property
    def table(self) -> pa.Table:
        """Every row and column, in memory."""
        return self.select(self.column_names)

    def windows_of(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some of the columns, one window after another."""
        fields = [self.column_names.index(name) for name in names]
        return (batch.select(names) for batch in self._read(fields))

    def windows(self) -> Iterator[pa.RecordBatch]:
        """Yield every row, one window after another."""
        return self._read(None)

    def _read(self, fields: Sequence[int] | None) -> Iterator[pa.RecordBatch]:
        options = pa.ipc.IpcReadOptions(included_fields=None if fields is None else sorted(fields), use_threads=False)
        with pa.OSFile(str(self._path)) as file:
            reader = pa.ipc.open_file(file, options=options)
            for index in range(self._windows):
                yield reader.get_batch(index)


def window_of(schema: pa.Schema) -> int:
    """Return how many rows are in memory at once."""
    return IMAGE_WINDOW if any(pa.types.is_binary(field.type) for field in schema) else WINDOW


def write_rows(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Rows:
    """Write batches of any size as windows of one size, and return them as rows."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        for window in _windows_of(schema, batches):
            writer.write_batch(window)
    return Rows(path, schema)


def _windows_of(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    kept: list[pa.RecordBatch] = []
    count, size = 0, window_of(schema)
    for batch in batches:
        kept.append(batch)
        count += batch.num_rows
        while count >= size:
            table = pa.Table.from_batches(kept, schema)
            yield _joined(table.slice(0, size))
            kept = table.slice(size).to_batches()
            count -= size
    if count:
        yield _joined(pa.Table.from_batches(kept, schema))


def _joined(table: pa.Table) -> pa.RecordBatch:
    batches = table.to_batches()
    return batches[0] if len(batches) == 1 else table.combine_chunks().to_batches()[0]
