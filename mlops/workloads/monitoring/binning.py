"""Turn the values of a column into the numbers of their bins.

Lives here: bins_of, which chooses the bins of a column from its training rows, and Binner, which applies them.
Not here: what is counted of bins (tally), reading values as the contract types them (values).
Law: a value's bin depends on the value alone. The last two bins of every column are "another value" and "missing".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlops.contracts.calibration import ColumnBins

Codes = npt.NDArray[np.int16]

_MOST_EDGES = 48
_MOST_TEXTS = 200
_MOST_NUMBERS = 1_000


def as_column(values: Sequence[Any], kind: str) -> npt.NDArray[Any]:
    """Return values that a ValueReader returned as an array: of floats with NaN for missing, or of texts and None."""
    if kind == "number":
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def bins_of(column: npt.NDArray[Any], kind: str) -> ColumnBins:
    """Choose bins that hold about as many training rows each; of texts, the most frequent ones have a bin each."""
    if kind == "text":
        counts = Counter(value for value in column.tolist() if value is not None)
        ordered = sorted(counts, key=lambda value: (-counts[value], value))
        return ColumnBins(texts=tuple(ordered[:_MOST_TEXTS]))
    known = np.sort(column[~np.isnan(column)])
    if not len(known):
        return ColumnBins(edges=())
    places = (np.arange(1, _MOST_EDGES) * len(known)) // _MOST_EDGES
    edges = np.unique(known[places])
    different = np.unique(known.astype(np.float32))
    grid = tuple(different.tolist()) if len(different) <= min(_MOST_NUMBERS, len(known) // 20) else None
    return ColumnBins(edges=tuple(edges.tolist()), least=float(known[0]), most=float(known[-1]), grid=grid)


class Binner:
    """Applies the bins of one column. `count`: how many there are, with the two for other and for missing values."""

    def __init__(self, bins: ColumnBins) -> None:
        self.bins = bins
        self._edges = np.array(bins.edges or ())
        self._texts = {text: place for place, text in enumerate(bins.texts or ())}
        self._grid = None if bins.grid is None else np.array(bins.grid, dtype=np.float32)
        self.other = len(self._texts) if bins.texts is not None else len(self._edges) + 1
        self.missing = self.other + 1
        self.count = self.other + 2

    def codes(self, column: npt.NDArray[Any]) -> Codes:
        """Return the bin of each value."""
        if self.bins.texts is not None:
            places, different = pd.factorize(column)
            known = np.array([*(self._texts.get(text, self.other) for text in different), self.missing], dtype=np.int16)
            return np.asarray(known[places])
        codes = np.searchsorted(self._edges, column).astype(np.int16)
        codes[np.isnan(column)] = self.missing
        return codes

    def is_off_grid(self, column: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
        """Say which numbers are none of those that training had; None where it had too many different ones.

        They are compared as single floats, so that a client that computes with those is not another sensor.
        """
        if self._grid is None or not len(self._grid):
            return None
        values = column.astype(np.float32)
        places = np.minimum(np.searchsorted(self._grid, values), len(self._grid) - 1)
        return np.asarray((self._grid[places] != values) & ~np.isnan(column))
