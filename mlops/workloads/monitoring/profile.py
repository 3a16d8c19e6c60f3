"""Profile rows with whylogs.

Lives here: the one import of whylogs; Profile, made from columns, merged, written, read, asked.
Not here: comparing profiles (drift).
Law: whylogs sends nothing anywhere; profiles of parts, merged, are the profile of the whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ["WHYLOGS_NO_ANALYTICS"] = "1"
np.unicode_ = np.str_  # type: ignore[attr-defined]  # whylogs 1.6.4 names what NumPy 2 took away

import pandas as pd  # noqa: E402
import whylogs  # noqa: E402
from whylogs.core import DatasetProfileView  # noqa: E402

PREDICTION = "(prediction)"


def prediction_column(part: str) -> str:
    """Name the column of predictions, or of one part of them."""
    return f"(prediction {part})" if part else PREDICTION


def is_prediction(column: str) -> bool:
    return column == PREDICTION or column.startswith("(prediction ")


class Profile:
    """What whylogs knows of some rows. `rows`: how many. Numbers are sketched as quantiles (KLL), texts as frequent items."""

    def __init__(self, view: Any, rows: int) -> None:
        self._view = view
        self.rows = rows

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[Any]], kinds: Mapping[str, str]) -> Profile:
        """Return the profile of some columns. `kinds`: column -> "number" or "text". None is missing."""
        frame = pd.DataFrame({name: _series(values, kinds[name]) for name, values in columns.items()})
        return cls(whylogs.log(frame).view(), len(frame))

    @classmethod
    def read(cls, path: Path, rows: int) -> Profile:
        return cls(DatasetProfileView.deserialize(path.read_bytes()), rows)

    def merge(self, other: Profile) -> Profile:
        return Profile(self._view.merge(other._view), self.rows + other.rows)

    def write(self, path: Path) -> None:
        path.write_bytes(self._view.serialize())

    def missing(self, column: str) -> int:
        found = self._view.get_column(column)
        return int(found.get_metric("counts").null.value) if found else 0

    def known(self, column: str) -> int:
        found = self._view.get_column(column)
        return int(found.get_metric("counts").n.value) - self.missing(column) if found else 0

    def cdf(self, column: str, points: Sequence[float]) -> list[float]:
        """Return the share of known values that are at most each point."""
        sketch = self._sketch(column)
        if sketch is None or sketch.is_empty():
            return [0.0] * len(points)
        return list(sketch.get_cdf(list(points), True))[: len(points)]

    def quantiles(self, column: str, shares: Sequence[float]) -> list[float]:
        sketch = self._sketch(column)
        return [] if sketch is None or sketch.is_empty() else list(sketch.get_quantiles(list(shares)))

    def counts(self, column: str) -> dict[str, float]:
        found = self._view.get_column(column)
        metric = found.get_metric("frequent_items") if found else None
        if metric is None:
            return {}
        return {str(item.value): float(item.est) for item in metric.strings}

    def _sketch(self, column: str) -> Any:
        found = self._view.get_column(column)
        metric = found.get_metric("distribution") if found else None
        return metric.kll.value if metric is not None else None


def _series(values: Sequence[Any], kind: str) -> pd.Series:
    if kind == "number":
        return pd.Series([None if value is None else float(value) for value in values], dtype="float64")
    return pd.Series([None if value is None else str(value) for value in values], dtype="object")
