"""Write the rows of each split.

Lives here: write_parts.
Not here: which rows are in which split (splits), what the rows are (rows).
Law: a file depends on its rows and on which of them share a window: not on threads, and not on memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mlops.workloads.data.rows import WINDOW, Rows, window_of
from mlops.workloads.data.splits.split import Numbers

GROUP = 1024 * 1024
"""Rows of a row group; of rows with images as many fewer as a window has."""


class _Part:
    """Writes one split's file, a row group whenever there are enough rows for one."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", store_schema=True)
        self._schema = schema
        self._group = GROUP * window_of(schema) // WINDOW
        self._kept: list[pa.RecordBatch] = []
        self._count = 0

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._writer.close()

    def add(self, batch: pa.RecordBatch) -> None:
        self._kept.append(batch)
        self._count += batch.num_rows
        while self._count >= self._group:
            self._write(self._group)

    def finish(self) -> None:
        if self._count:
            self._write(self._count)

    def _write(self, count: int) -> None:
        table = pa.Table.from_batches(self._kept, self._schema)
        self._writer.write_table(table.slice(0, count), row_group_size=self._group)
        self._kept = table.slice(count).to_batches()
        self._count -= count


def write_parts(out: Path, rows: Rows, numbers: Mapping[str, Numbers]) -> None:
    """Write OUT/NAME.parquet for each split. `numbers`: the numbers of its rows, in the order in which they are written."""
    if any(np.any(np.diff(part) <= 0) for part in numbers.values()):
        _write_reordered(out, rows, numbers)
        return
    with ExitStack() as stack:
        files = {name: stack.enter_context(_Part(out / f"{name}.parquet", rows.schema)) for name in numbers}
        for start, window in _numbered(rows.windows()):
            for name, part in numbers.items():
                low, high = np.searchsorted(part, (start, start + window.num_rows))
                files[name].add(_some(window, part[low:high] - start))
        for file in files.values():
            file.finish()


def _numbered(windows: Iterable[pa.RecordBatch]) -> Iterable[tuple[int, pa.RecordBatch]]:
    start = 0
    for window in windows:
        yield start, window
        start += window.num_rows


def _some(window: pa.RecordBatch, numbers: Numbers) -> pa.RecordBatch:
    """Return rows of a window; where they lie side by side, without a copy."""
    if len(numbers) and numbers[-1] - numbers[0] == len(numbers) - 1:
        return window.slice(int(numbers[0]), len(numbers))
    return window.take(pa.array(numbers))


def _write_reordered(out: Path, rows: Rows, numbers: Mapping[str, Numbers]) -> None:
    """Write splits of a plug-in that change the order of rows or repeat some; the whole table is then in memory."""
    for name, part in numbers.items():
        table = rows.table.take(pa.array(part))
        pq.write_table(table, out / f"{name}.parquet", compression="zstd", store_schema=True)
