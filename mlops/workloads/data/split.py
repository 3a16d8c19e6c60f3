"""Split rows into train, validation and test.

Lives here: split_rows, by time or at random.
Not here: what a split may be (spec.dataset).
Law: no row is in two splits; a random split depends on a row's position and the seed, on no library's generator.
"""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.dataset import Dataset, RandomSplit, TimeSplit
from mlops.workloads.stage import failed


def split_rows(table: pa.Table, dataset: Dataset) -> dict[str, pa.Table]:
    match dataset.split:
        case TimeSplit() as split:
            return _by_time(table, split)
        case RandomSplit() as split:
            return _at_random(table, split, dataset.label)


def _by_time(table: pa.Table, split: TimeSplit) -> dict[str, pa.Table]:
    column = table[split.column]
    if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
        raise failed(
            "split by a column that is no time", f"`{split.column}` has type {column.type}. Cast it to DATE in the SQL."
        )
    days = column.cast(pa.date32()) if pa.types.is_timestamp(column.type) else column
    newest, oldest = pc.max(days).as_py(), pc.min(days).as_py()
    if newest is None:
        raise failed("split by an empty column", f"`{split.column}` is missing in every row.")
    end = (split.until or newest) + dt.timedelta(days=1)
    test = back(end, split.test)
    val = back(test, split.val)
    start = split.since or oldest
    bounds = {"train": (start, val), "val": (val, test), "test": (test, end)}
    return {
        name: table.filter(pc.and_(pc.greater_equal(days, pa.scalar(low)), pc.less(days, pa.scalar(high))))
        for name, (low, high) in bounds.items()
    }


def back(day: dt.date, period: str) -> dt.date:
    """`day` less a period such as `3 months`; a day that the month lacks becomes its last."""
    count, unit = period.split()
    number, unit = int(count), unit.removesuffix("s")
    if unit in ("day", "week"):
        return day - dt.timedelta(days=number * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 - number * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _at_random(table: pa.Table, split: RandomSplit, label: str | None) -> dict[str, pa.Table]:
    ticket = _mixed(table.num_rows, split.seed)
    share = np.empty(table.num_rows)
    groups = [np.arange(table.num_rows)]
    if split.stratify and label is not None:
        codes = table[label].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
        groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    for group in groups:
        ranks = np.argsort(np.argsort(ticket[group], kind="stable"), kind="stable")
        share[group] = (ranks + 0.5) / len(group)
    masks: dict[str, Any] = {
        "train": share >= split.test + split.val,
        "val": (share >= split.test) & (share < split.test + split.val),
        "test": share < split.test,
    }
    return {name: table.filter(pa.array(mask)) for name, mask in masks.items()}


def _mixed(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """SplitMix64 (Steele, Lea and Flood, 2014) of each position."""
    step, first, second = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
    with np.errstate(over="ignore"):
        x = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed) * np.uint64(1_000_003)) * step
        x = (x ^ (x >> np.uint64(30))) * first
        x = (x ^ (x >> np.uint64(27))) * second
        mixed: np.ndarray[Any, np.dtype[np.uint64]] = x ^ (x >> np.uint64(31))
    return mixed
