"""Check rows.

Lives here: violations, a sentence for each check that does not hold.
Not here: what may be checked (spec.dataset).
Law: every check is made; a sentence says how many rows break it, and shows one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.dataset import ColumnExpectation, Expectation, RowExpectation


def violations(table: pa.Table, expectations: Sequence[Expectation]) -> list[str]:
    told: list[str] = []
    for expectation in expectations:
        if isinstance(expectation, RowExpectation):
            told += _rows(table, expectation)
        elif expectation.column not in table.column_names:
            told.append(f"`{expectation.column}` is checked, and the SQL gives no such column.")
        else:
            told += _column(table[expectation.column], expectation)
    return told


def _rows(table: pa.Table, expectation: RowExpectation) -> Iterator[str]:
    bounds = expectation.rows
    if bounds.min is not None and table.num_rows < bounds.min:
        yield f"There are {table.num_rows:,} rows, and at least {bounds.min:,} are expected."
    if bounds.max is not None and table.num_rows > bounds.max:
        yield f"There are {table.num_rows:,} rows, and at most {bounds.max:,} are expected."


def _column(column: pa.ChunkedArray, expectation: ColumnExpectation) -> Iterator[str]:
    name, count = expectation.column, len(column)
    if expectation.not_null and column.null_count:
        yield f"`{name}` is missing in {column.null_count:,} of {count:,} rows, and not_null is expected."
    if expectation.at_most_missing is not None and count and column.null_count / count > expectation.at_most_missing:
        share = column.null_count / count
        yield f"`{name}` is missing in {share:.2%} of the rows, and at most {expectation.at_most_missing:.2%} is expected."
    if expectation.unique:
        twice = count - column.null_count - pc.count_distinct(column).as_py()
        if twice > 0:
            yield f"`{name}` repeats a value in {twice:,} rows, and unique is expected."
    if expectation.between is not None:
        low, high = expectation.between
        wrong = pc.or_(pc.less(column, low), pc.greater(column, high))
        yield from _wrong(column, wrong, name, f"between {low:g} and {high:g}")
    if expectation.among is not None:
        allowed = pa.array(list(expectation.among)).cast(column.type)
        wrong = pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, value_set=allowed)))
        yield from _wrong(column, wrong, name, f"one of {', '.join(str(value) for value in expectation.among)}")
    if expectation.matches is not None:
        wrong = pc.invert(pc.match_substring_regex(column, f"^(?:{expectation.matches})$"))
        yield from _wrong(column, wrong, name, f"a match of {expectation.matches}")


def _wrong(column: pa.ChunkedArray, wrong: Any, name: str, wanted: str) -> Iterator[str]:
    found = column.filter(pc.fill_null(wrong, False))
    if len(found):
        yield f"`{name}` is not {wanted} in {len(found):,} of {len(column):,} rows, such as {found[0].as_py()!r}."
