"""Write the rows of an interval as Parquet.

Lives here: ParquetOutput.
Not here: scoring (scorer), a database (table_output).
Law: a file of an interval is there whole or not at all, under a name that the interval alone decides; what a killed run left
half written is taken away by the next.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.contracts.ledger import append_line, read_ledger
from mlops.contracts.scoring import REJECTED, IntervalRows, LedgerLine
from mlops.workloads.scoring.output import LineOf, WrittenInterval, check_rows_read
from mlops.workloads.scoring.scorer import ScoredRows
from mlops.workloads.stage import failed

_PART = ".part"
_IGNORE = "# Scored rows are made again from their source.\n*\n"


class ParquetOutput:
    """Writes INTERVAL.parquet into `folder`, and _rejected/INTERVAL.parquet where rows were set aside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rejected = folder / REJECTED
        self._guard = threading.Lock()

    def prepare(self, schema: pa.Schema) -> None:
        """See IntervalOutput."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), (self._folder / ".gitignore").open("x") as file:
            file.write(_IGNORE)
        for folder in (self._folder, self._rejected):
            for left in folder.glob(f".*{_PART}"):
                left.unlink(missing_ok=True)

    def ledger(self) -> dict[str, LedgerLine]:
        return read_ledger(self._folder)

    def write(self, one: IntervalRows, schema: pa.Schema, rows: Iterable[ScoredRows], line_of: LineOf) -> LedgerLine:
        """See IntervalOutput."""
        try:
            line = line_of(self._write(one, schema, rows))
            with self._guard:
                append_line(self._folder, line)
        except OSError as error:
            raise failed(
                "rows cannot be written",
                f"{error.filename or self._folder}: {error.strerror}. What was scored before stays; make room or give the "
                "right to write there, then apply again.",
            ) from error
        return line

    def _write(self, one: IntervalRows, schema: pa.Schema, rows: Iterable[ScoredRows]) -> WrittenInterval:
        interval = one.name
        scored, aside = _File(self._folder / f"{interval}.parquet"), _File(self._rejected / f"{interval}.parquet")
        try:
            scored.open(schema)
            for part in rows:
                scored.add(part.scored)
                if part.rejected is not None:
                    self._rejected.mkdir(exist_ok=True)
                    aside.open(part.rejected.schema)
                    aside.add(part.rejected)
            check_rows_read(one, scored.rows + aside.rows)
            # What was set aside first: a file of the interval is only there once both are.
            aside.finish()
            scored.finish()
        finally:
            scored.abandon()
            aside.abandon()
        return WrittenInterval(scored.rows, aside.rows, scored.md5, scored.size)


class _File:
    """One file, written beside its place and moved there once it is whole and on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}{_PART}")
        self._writer: pq.ParquetWriter | None = None
        self._sink: _HashedFile | None = None
        self.rows = self.size = 0
        self.md5 = ""

    def open(self, schema: pa.Schema) -> None:
        if self._writer is None:
            self._sink = _HashedFile(self._part)
            self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd", store_schema=True)

    def add(self, batch: pa.RecordBatch) -> None:
        assert self._writer is not None
        self._writer.write_batch(batch)
        self.rows += batch.num_rows

    def finish(self) -> None:
        """Move the file to its place; where nothing was written, take away what is there of an earlier run."""
        if self._writer is None or self._sink is None:
            self._path.unlink(missing_ok=True)
            return
        self._writer.close()
        self.md5, self.size = self._sink.settle()
        self._writer = None
        self._part.replace(self._path)
        sync_folder(self._path.parent)

    def abandon(self) -> None:
        """Take away what was not finished."""
        if self._writer is not None:
            with suppress(Exception):
                self._writer.close()
            self._writer = None
        if self._sink is not None:
            self._sink.close()
            self._part.unlink(missing_ok=True)


class _HashedFile(io.RawIOBase):
    """A file that knows the md5 of what was written to it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._hash = hashlib.md5(usedforsecurity=False)
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        self._hash.update(data)
        count = self._file.write(data)
        self._size += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()

    def settle(self) -> tuple[str, int]:
        """Bring all of it to the disk; return md5 and size."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._hash.hexdigest(), self._size


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
