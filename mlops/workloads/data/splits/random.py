"""Split rows at random.

Lives here: split, and mixed, the numbers that it draws.
Not here: what the split may say (config.schema.splits.random).
Law: a row's split depends on its position and the seed, on no library's generator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from mlops.config.schema.splits.random import RandomSplit
from mlops.workloads.data.splits.split import NAMES


def split(table: pa.Table, spec: RandomSplit, *, label: str | None) -> dict[str, pa.Table]:
    """Return the rows of each split."""
    draw = mixed(table.num_rows, spec.seed)
    groups: list[Any] = [slice(None)]
    if spec.stratify and label is not None:
        codes = table[label].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
        groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    part = np.full(table.num_rows, NAMES.index("train"), np.uint8)
    for group in groups:
        part[group] = _dealt(draw[group], spec)
    return {name: table.filter(pa.array(part == number)) for number, name in enumerate(NAMES)}


def _dealt(draw: np.ndarray[Any, np.dtype[np.uint64]], spec: RandomSplit) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the number of each row's split: the rows that drew least test, the next validate. No two draw alike."""
    shares = (np.arange(len(draw)) + 0.5) / len(draw)
    ends = [int(np.searchsorted(shares, share)) for share in (spec.test, spec.test + spec.val)]
    ordered = np.sort(draw)
    part = np.full(len(draw), NAMES.index("train"), np.uint8)
    for name, end in (("val", ends[1]), ("test", ends[0])):
        if end:
            part[draw <= ordered[end - 1]] = NAMES.index(name)
    return part


def mixed(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return SplitMix64 (Steele, Lea and Flood, 2014) of each position below `count`."""
    step, first, second = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
    with np.errstate(over="ignore"):
        x = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed) * np.uint64(1_000_003)) * step
        x = (x ^ (x >> np.uint64(30))) * first
        x = (x ^ (x >> np.uint64(27))) * second
        result: np.ndarray[Any, np.dtype[np.uint64]] = x ^ (x >> np.uint64(31))
    return result
