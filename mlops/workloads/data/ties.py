"""Put rows that their first columns leave in a tie in the order of their other columns.

Lives here: in_order_of_all.
Not here: sorting by the first columns (sorting).
Law: DuckDB compares, so that the order is the one of a sort by every column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
_RUN, _PLACE = "mlops run", "mlops place"


def in_order_of_all(
    batches: Iterable[pa.RecordBatch], leading: Sequence[str], keys: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows in the order of all columns. `batches`: sorted by the columns `leading`. `keys`: what decides a tie, as
    SQL writes it after ORDER BY. Rows of one tie are in memory together."""
    waiting: list[pa.RecordBatch] = []
    with duckdb.connect(config={"threads": 1}) as connection:
        for batch in batches:
            rows = _joined([*waiting, batch])
            equal = _equal_to_next(rows, leading)
            different = np.flatnonzero(~equal)
            end = int(different[-1]) + 1 if len(different) else 0
            waiting = [rows.slice(end)]
            yield _untied(connection, rows.slice(0, end), equal[: max(0, end - 1)], keys)
        if waiting:
            rows = _joined(waiting)
            yield _untied(connection, rows, _equal_to_next(rows, leading), keys)


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    filled = [batch for batch in batches if batch.num_rows] or batches[:1]
    return filled[0] if len(filled) == 1 else pa.concat_batches(filled)


def _equal_to_next(rows: pa.RecordBatch, leading: Sequence[str]) -> Mask:
    """Return, for each row but the last, whether the next is equal to it in the columns `leading`."""
    equal = np.ones(max(0, rows.num_rows - 1), dtype=bool)
    for name in reversed(leading):
        if equal.any():
            equal &= _equal_values(rows.column(name))
    return equal


def _equal_values(values: pa.Array) -> Mask:
    first, second = values.slice(0, len(values) - 1), values.slice(1)
    equal = pc.fill_null(pc.equal(first, second), False)
    if values.null_count:
        equal = pc.or_(equal, pc.and_(pc.is_null(first), pc.is_null(second)))
    if pa.types.is_floating(values.type):
        both = pc.and_(pc.is_nan(first), pc.is_nan(second))
        equal = pc.or_(equal, pc.fill_null(both, False))
    mask: Any = equal.to_numpy(zero_copy_only=False)
    return np.asarray(mask, dtype=bool)


def _untied(
    connection: duckdb.DuckDBPyConnection, rows: pa.RecordBatch, equal: Mask, keys: Sequence[str]
) -> pa.RecordBatch:
    tied = np.zeros(rows.num_rows, dtype=bool)
    tied[:-1] |= equal
    tied[1:] |= equal
    places = np.flatnonzero(tied)
    if not len(places):
        return rows
    starts = np.ones(rows.num_rows, dtype=bool)
    starts[1:] = ~equal
    some = rows.take(pa.array(places))
    table = pa.Table.from_batches([some]).append_column(_RUN, pa.array(np.cumsum(starts)[places]))
    connection.register("tied", table.append_column(_PLACE, pa.array(places)))
    order = ", ".join([f'"{_RUN}"', *keys])
    answer = connection.execute(f'SELECT "{_PLACE}" FROM tied ORDER BY {order}')  # noqa: S608
    found = answer.to_arrow_table()[_PLACE].to_numpy()
    connection.unregister("tied")
    permutation = np.arange(rows.num_rows)
    permutation[places] = found
    return rows.take(pa.array(permutation))
