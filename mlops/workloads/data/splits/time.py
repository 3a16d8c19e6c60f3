"""Split rows by time.

Lives here: split, and back, which counts a period back by the calendar.
Not here: what the split may say (config.schema.splits.time).
Law: no gap and no overlap; rows of later splits are newer than those of earlier ones.
"""

from __future__ import annotations

import calendar
import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.splits.time import TimeSplit
from mlops.workloads.stage import failed


def split(table: pa.Table, spec: TimeSplit, *, label: str | None) -> dict[str, pa.Table]:
    """Return the rows of each split. Raises MlopsError where the column holds no times."""
    column = table[spec.column]
    if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
        raise failed(
            "split by a column that is no time", f"`{spec.column}` has type {column.type}. Cast it to DATE in the SQL."
        )
    days = column.cast(pa.date32()) if pa.types.is_timestamp(column.type) else column
    newest, oldest = pc.max(days).as_py(), pc.min(days).as_py()
    if newest is None:
        raise failed("split by an empty column", f"`{spec.column}` is missing in every row.")
    end = (spec.until or newest) + dt.timedelta(days=1)
    test = back(end, spec.test)
    val = back(test, spec.val)
    start = spec.since or oldest
    bounds = {"train": (start, val), "val": (val, test), "test": (test, end)}
    return {
        name: table.filter(pc.and_(pc.greater_equal(days, pa.scalar(low)), pc.less(days, pa.scalar(high))))
        for name, (low, high) in bounds.items()
    }


def back(day: dt.date, period: str) -> dt.date:
    """Return `day` less a period such as `3 months`; a day that the month lacks becomes its last."""
    count, unit = period.split()
    number, unit = int(count), unit.removesuffix("s")
    if unit in ("day", "week"):
        return day - dt.timedelta(days=number * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 - number * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
