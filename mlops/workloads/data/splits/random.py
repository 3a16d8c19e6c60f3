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


def split(table: pa.Table, spec: RandomSplit, *, label: str | None) -> dict[str, pa.Table]:
    """Return the rows of each split."""
    draw = mixed(table.num_rows, spec.seed)
    share = np.empty(table.num_rows)
    groups = [np.arange(table.num_rows)]
    if spec.stratify and label is not None:
        codes = table[label].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
        groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    for group in groups:
        ranks = np.argsort(np.argsort(draw[group], kind="stable"), kind="stable")
        share[group] = (ranks + 0.5) / len(group)
    masks: dict[str, Any] = {
        "train": share >= spec.test + spec.val,
        "val": (share >= spec.test) & (share < spec.test + spec.val),
        "test": share < spec.test,
    }
    return {name: table.filter(pa.array(mask)) for name, mask in masks.items()}


def mixed(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return SplitMix64 (Steele, Lea and Flood, 2014) of each position below `count`."""
    step, first, second = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
    with np.errstate(over="ignore"):
        x = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed) * np.uint64(1_000_003)) * step
        x = (x ^ (x >> np.uint64(30))) * first
        x = (x ^ (x >> np.uint64(27))) * second
        result: np.ndarray[Any, np.dtype[np.uint64]] = x ^ (x >> np.uint64(31))
    return result
