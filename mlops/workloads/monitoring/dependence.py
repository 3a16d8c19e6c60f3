"""Say which columns go together.

Lives here: coarse bins, the tree of the columns that depend on each other, and the scores of rows.
Not here: deciding whether a window breaks them (verdict).
Law: all is computed from counts of bins. A row is scored as more like a real one than like one whose columns were
shuffled (the likelihood ratio of a Chow-Liu tree, IEEE Transactions on Information Theory 1968, edge by edge).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_COARSE = 12
_MOST_COARSE_TEXTS = 30


def coarse_bins(counts: npt.NDArray[Any], *, is_text: bool) -> npt.NDArray[np.int64]:
    """Return the coarse bin of each bin. Other and missing values keep a bin of their own."""
    places = np.arange(len(counts))
    if is_text:
        coarse = np.minimum(places, _MOST_COARSE_TEXTS)
    else:
        known = counts[:-2]
        before = np.cumsum(known) - known
        coarse = np.append(before * _COARSE // max(int(known.sum()), 1), [0, 0])
    coarse[-2:] = coarse[:-2].max(initial=-1) + np.array([1, 2])
    return coarse.astype(np.int64)


def table(left: npt.NDArray[Any], right: npt.NDArray[Any], shape: tuple[int, int]) -> npt.NDArray[Any]:
    """Count how often two coarse bins meet."""
    return np.bincount(left * shape[1] + right, minlength=shape[0] * shape[1]).reshape(shape)


def scores(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the logarithm of how much more often two bins meet than by chance, each pair seen once more than it was."""
    total = max(int(counts.sum()), 1)
    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    return np.log((counts + 1) / (by_chance + 1))


def information(counts: npt.NDArray[Any]) -> float:
    """Return the mutual information of two columns, in nats."""
    shares = counts / max(int(counts.sum()), 1)
    by_chance = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    held = shares > 0
    return float((shares[held] * np.log(shares[held] / by_chance[held])).sum())


def strongest_tree(names: list[str], weights: Mapping[tuple[str, str], float], least: float) -> list[tuple[str, str]]:
    """Return the edges of the heaviest spanning tree (Kruskal) of those that weigh enough."""
    group = {name: name for name in names}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    kept = []
    for pair in sorted(weights, key=lambda pair: (-weights[pair], pair)):
        left, right = root(pair[0]), root(pair[1])
        if weights[pair] >= least and left != right:
            group[left] = right
            kept.append(pair)
    return kept
