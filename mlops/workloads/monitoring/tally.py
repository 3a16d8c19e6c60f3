"""Count the rows of a window.

Lives here: Tally: the counts of one window, added to part by part, and its statistics.
Not here: which statistics are too large (verdict).
Law: parts may be added in any order; all but the rows' numbers takes the same memory however many rows there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops.contracts.calibration import WindowCalibration
from mlops.contracts.watcher import BaselineColumn
from mlops.workloads.monitoring import dependence, measures
from mlops.workloads.monitoring.binning import Binner, Codes
from mlops.workloads.monitoring.calibrate import ROWS, kappa_of
from mlops.workloads.monitoring.profile import is_prediction
from mlops.workloads.monitoring.row_keys import row_keys

_MOST_KEYS = 1_000_000
_RARE = 500
_SHUFFLED = 0.1
_MOST_EXAMPLES = 3
_LONGEST_EXAMPLE = 40


class Tally:
    """The counts of one window. `facts`: what training held, for the texts that have no bin of their own."""

    def __init__(
        self,
        calibration: WindowCalibration,
        kinds: Mapping[str, str],
        facts: Mapping[str, BaselineColumn] | None = None,
    ) -> None:
        self.rows = 0
        self.examples: dict[str, list[str]] = {}
        self._kinds, self._calibration = kinds, calibration
        self._binners = {name: Binner(bins) for name, bins in calibration.columns.items() if name in kinds}
        self.counts = {name: np.zeros(binner.count, dtype=np.int64) for name, binner in self._binners.items()}
        self._seen = {name: frozenset(fact.values) for name, fact in (facts or {}).items() if fact.values is not None}
        self._often: dict[str, Counter[float]] = {name: Counter() for name, kind in kinds.items() if kind == "number"}
        self._sums: dict[tuple[str, str], float] = {}
        self._alike = self._neighbours = 0
        self._keys: list[npt.NDArray[np.uint64]] = []
        self._coarse = {
            name: dependence.coarse_bins(np.array(bins.counts), is_text=bins.texts is not None)
            for name, bins in calibration.columns.items()
        }
        self._scores = [
            (one, np.array(one.scores)) for one in calibration.dependences if {one.left, one.right} <= {*self._binners}
        ]
        self._means = {
            name: (fact.mean, measures.mean_scale(fact.mean, fact.deviation))
            for name, fact in (facts or {}).items()
            if fact.mean is not None and fact.deviation is not None and name in self._binners
        }

    def add(self, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Count some rows. `columns`: as `as_column` returns them."""
        count = len(next(iter(columns.values())))
        self.rows += count
        codes = {name: binner.codes(columns[name]) for name, binner in self._binners.items()}
        for name, binner in self._binners.items():
            self.counts[name] += np.bincount(codes[name], minlength=binner.count)
            if self._kinds[name] == "number":
                self._add_frequent(name, columns[name])
            if not is_prediction(name):
                self._add_values(name, columns[name], codes[name])
        if self._calibration.order_column in codes:
            in_order = codes[self._calibration.order_column]
            self._alike += int((in_order[1:] == in_order[:-1]).sum())
            self._neighbours += max(count - 1, 0)
        for one, scores in self._scores:
            left, right = self._coarse[one.left], self._coarse[one.right]
            cells = left[codes[one.left]] * (int(right.max()) + 1) + right[codes[one.right]]
            self._add("joint", f"{one.left} and {one.right}", one.mean * count - float(scores[cells].sum()))
        for name, (mean, scale) in self._means.items():
            self._add("mean", name, float((np.nan_to_num(columns[name]) - mean).sum()) / scale)
        if sum(map(len, self._keys)) < _MOST_KEYS:
            values = {name: column for name, column in columns.items() if not is_prediction(name)}
            self._keys.append(row_keys({name: values[name] for name in values if name in self._kinds}, count))

    def _add(self, method: str, name: str, amount: float) -> None:
        self._sums[method, name] = self._sums.get((method, name), 0.0) + amount

    def _add_frequent(self, name: str, column: npt.NDArray[Any]) -> None:
        """Count the values that are frequent among these rows."""
        values, counts = np.unique(column[~np.isnan(column)].astype(np.float32), return_counts=True)
        kept = counts >= max(1, len(column) // _RARE)
        self._often[name].update(dict(zip(values[kept].tolist(), counts[kept].tolist(), strict=True)))

    def _add_values(self, name: str, column: npt.NDArray[Any], codes: Codes) -> None:
        """Count values that training never had, and numbers outside its range."""
        binner = self._binners[name]
        if self._kinds[name] == "text":
            seen = self._seen.get(name)
            if seen is None and len(binner.bins.texts or ()) and binner.bins.counts[-2]:
                return  # training had more texts than are known here
            new = column[codes == binner.other]
            if seen is not None:
                new = np.array([text for text in new if text not in seen], dtype=object)
            self._add("unseen", name, len(new))
            shown = self.examples.setdefault(name, [])
            for text in new[:1000]:
                if text[:_LONGEST_EXAMPLE] not in shown and len(shown) < _MOST_EXAMPLES:
                    shown.append(text[:_LONGEST_EXAMPLE])
            return
        off = binner.is_off_grid(column)
        if off is not None:
            self._add("unseen", name, int(off.sum()))
            shown = self.examples.setdefault(name, [])
            for value in column[off][:20]:
                if f"{value:g}" not in shown and len(shown) < _MOST_EXAMPLES:
                    shown.append(f"{value:g}")
        if binner.bins.least is not None and binner.bins.most is not None:
            beyond = (column < binner.bins.least) | (column > binner.bins.most)
            self._add("outside", name, int(beyond.sum()))

    @property
    def is_shuffled(self) -> bool:
        """Whether rows that follow each other are no more alike than any two, where those of training are."""
        name = self._calibration.order_column
        if name is None or name not in self.counts or not self._neighbours:
            return False
        shares = self.counts[name] / max(self.rows, 1)
        return kappa_of(self._alike / self._neighbours, shares) < self._calibration.order * _SHUFFLED

    def statistics(self, method: str = "auto") -> dict[tuple[str, str], float]:
        """Return (method, column) -> statistic."""
        found: dict[tuple[str, str], float] = {}
        for name, counts in self.counts.items():
            training = np.array(self._calibration.columns[name].counts)
            chosen = measures.distribution_method(method, self._kinds[name])
            if counts[:-1].sum():
                found[chosen, name] = float(measures.distance(chosen, counts, training))
                if self._kinds[name] == "number":
                    found["constant", name] = max(self._often[name].values(), default=0) / int(counts[:-1].sum())
            found["missing", name] = float(measures.missing(counts, training))
        for (kind, name), total in self._sums.items():
            found[kind, name] = abs(total) / self.rows if kind == "mean" else total / self.rows
        keys = np.sort(np.concatenate(self._keys)) if self._keys else np.zeros(0, dtype=np.uint64)
        if len(keys):
            found["duplicates", ROWS] = float((keys[1:] == keys[:-1]).mean()) if len(keys) > 1 else 0.0
        return found
