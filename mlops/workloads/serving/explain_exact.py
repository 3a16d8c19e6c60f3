"""Compute contributions where a raw score is a sum.

Lives here: ExactContributions, of a linear model and of trees, over the arrays of explain.npz.
Not here: what is written there (training.explanation, training.families.trees.terms), other models (explain_sampled).
Law: contributions and base add up to the raw score, within rounding of doubles.

A leaf gives its value to a row that holds what its path asks for. Where only some columns of the row are known, each other
column on the path is weighed by the share of training rows that took it. So a leaf is a product over its columns, and the
Shapley value of a column is an integral over such products, of a polynomial: a Gauss-Legendre rule with half as many points
as there are columns gives it exactly. With one number for each column these are the values of TreeSHAP (Lundberg et al.
2020, doi:10.1038/s42256-019-0138-9), as LightGBM's `pred_contrib` gives them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[Any]


class _Terms(Protocol):
    def of(self, x: _Array, output: int) -> _Array:
        """Return the contribution of each raw column to one output, `[D]`. `x`: one encoded row, `[W]`."""


class ExactContributions:
    """Reads explain.npz. `columns`: how many raw columns there are."""

    def __init__(self, path: Path, columns: int) -> None:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        self._base = arrays["base"]
        self._columns = columns
        self._terms: list[_Terms] = [_Linear(arrays, columns)] if "weights" in arrays else []
        self._terms += [_Trees(arrays, columns)] if "values" in arrays else []

    def of(self, x: _Array, output: int) -> tuple[float, _Array]:
        """Return base and contributions, `[D]`, of one encoded row."""
        contributions = sum((terms.of(x, output) for terms in self._terms), start=np.zeros(self._columns))
        return float(self._base[output]), contributions


class _Linear:
    def __init__(self, arrays: dict[str, _Array], columns: int) -> None:
        self._weights, self._mean, self._places = arrays["weights"], arrays["mean"], arrays["places"]
        self._column_of = arrays["column_of"][self._places]
        self._columns = columns

    def of(self, x: _Array, output: int) -> _Array:
        parts = self._weights[output] * (x[self._places].astype(np.float64) - self._mean)
        return np.bincount(self._column_of, parts, self._columns)


class _Trees:
    """Arrays with an entry for each node, for each leaf, for each pair of a leaf and a column on its path, and for each step, a
    node of a pair."""

    def __init__(self, arrays: dict[str, _Array], columns: int) -> None:
        self._nodes, self._columns = arrays, columns
        self._outputs = [
            _Leaves(arrays, columns, arrays["leaf_outputs"] == output) for output in range(len(arrays["base"]))
        ]
        self._first_codes = _starts(arrays["code_nodes"])

    def of(self, x: _Array, output: int) -> _Array:
        leaves = self._outputs[output]
        if not len(leaves.columns):  # every tree is one leaf
            return np.zeros(self._columns)
        return leaves.contributions(self._goes_left(x.astype(np.float64)))

    def _goes_left(self, x: _Array) -> _Array:
        """Return for each node where the row goes."""
        nodes = self._nodes
        values = x[nodes["features"]]
        left = np.where(np.isnan(values), nodes["missing_left"], values <= nodes["thresholds"])
        coded = nodes["code_nodes"]
        if len(coded):
            is_one = x[nodes["features"][coded]] == nodes["codes"]
            left[coded[self._first_codes]] = np.logical_or.reduceat(is_one, self._first_codes)
        return left


class _Leaves:
    """The leaves of one output that lie below a node."""

    def __init__(self, arrays: dict[str, _Array], columns: int, is_own: _Array) -> None:
        pairs = is_own[arrays["pair_leaves"]]
        steps = pairs[arrays["step_pairs"]]
        leaves, counts = np.unique(arrays["pair_leaves"][pairs], return_counts=True)
        self.columns = arrays["pair_columns"][pairs]
        self._shares = arrays["pair_shares"][pairs]
        self._values = arrays["values"][leaves]
        self._leaf_of = np.repeat(np.arange(len(leaves)), counts)
        self._first_pairs = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        self._first_steps = _starts(arrays["step_pairs"][steps])
        self._nodes, self._lefts = arrays["step_nodes"][steps], arrays["step_lefts"][steps]
        points, weights = np.polynomial.legendre.leggauss(max(1, -(-int(counts.max(initial=1)) // 2)))
        self._rule = [((point + 1) / 2, weight / 2) for point, weight in zip(points, weights, strict=True)]
        self._count = columns

    def contributions(self, left: _Array) -> _Array:
        """Return the contribution of each raw column. `left`: of each node, whether the row goes left there."""
        holds = np.logical_and.reduceat(left[self._nodes] == self._lefts, self._first_steps).astype(np.float64)
        mean = np.zeros(len(holds))
        for point, weight in self._rule:
            known = holds * point + self._shares * (1 - point)
            whole = np.multiply.reduceat(known, self._first_pairs)
            mean += weight * whole[self._leaf_of] / known
        values = self._values[self._leaf_of] * (holds - self._shares) * mean
        return np.bincount(self.columns, values, self._count)


def _starts(sorted_numbers: _Array) -> _Array:
    """Return where each run of equal numbers begins."""
    if not len(sorted_numbers):
        return np.zeros(0, dtype=np.int64)
    return np.concatenate([[0], np.flatnonzero(np.diff(sorted_numbers)) + 1]).astype(np.int64)
