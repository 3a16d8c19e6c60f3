"""Give each row a number, so that equal rows are found.

Lives here: row_keys.
Not here: counting them (tally, calibrate).
Law: equal rows have equal numbers in every process; two that differ share one about once in 2^64.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

_ODD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def row_keys(columns: Mapping[str, npt.NDArray[Any]], count: int) -> npt.NDArray[np.uint64]:
    """Return a number for each of `count` rows. `columns`: arrays of floats, or of texts and None."""
    keys = np.zeros(count, dtype=np.uint64)
    for name in sorted(columns):
        column = columns[name]
        if column.dtype == object:
            places, different = pd.factorize(column)
            known = np.array([*(_of_text(text) for text in different), 1], dtype=np.uint64)
            values = known[places]
        else:
            values = np.where(np.isnan(column), np.nan, column + 0.0).view(np.uint64)
        keys = (keys ^ values) * _ODD
        keys ^= keys >> _SHIFT
    return keys


def _of_text(text: str) -> int:
    data = text.encode()
    return zlib.crc32(data) << 32 | zlib.adler32(data)
