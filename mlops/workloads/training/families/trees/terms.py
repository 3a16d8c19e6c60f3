"""Write grown trees as games of their columns.

Lives here: tree_terms, which gives each leaf as what a row must hold to reach it.
Not here: Shapley values of a row (serving.explain_exact), the graph that predicts (graph).
Law: a row takes the branches that LightGBM takes; what a row does not say is weighed by the training rows that took each
branch, as TreeSHAP does (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

_LEAST = 1e-12
"""The least share of rows that a branch counts for: a share of nothing could not be divided by."""
Branch = tuple[int, bool, float]
"""A node, whether the path goes left there, and the share of the node's rows that do."""


def tree_terms(
    boosters: Sequence[tuple[lightgbm.Booster, float]], column_of: Sequence[int], *, first: int = 0
) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays that `serving.explain_exact` reads. `boosters`: each with what its sum is multiplied by. `column_of`: of
    each number of a row, the place of its raw column. `first`: the place of the first number that trees read."""
    parts = _Parts(column_of, first)
    outputs = 1
    for booster, scale in boosters:
        model = booster.dump_model()
        outputs = int(model["num_tree_per_iteration"])
        rounds = max(len(model["tree_info"]) // outputs, 1)
        parts.scale = scale / (rounds if model.get("average_output") else 1)
        for index, tree in enumerate(model["tree_info"]):
            parts.add_tree(tree["tree_structure"], output=index % outputs)
    return {**parts.arrays(), "base": parts.base(outputs)}


@dataclass
class _Parts:
    """What has been written so far. A pair is a leaf and a raw column on its path; a step is one node of a pair."""

    column_of: Sequence[int]
    first: int
    scale: float = 1.0
    features: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)
    code_nodes: list[int] = field(default_factory=list)
    codes: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    leaf_outputs: list[int] = field(default_factory=list)
    pair_leaves: list[int] = field(default_factory=list)
    pair_columns: list[int] = field(default_factory=list)
    pair_shares: list[float] = field(default_factory=list)
    step_pairs: list[int] = field(default_factory=list)
    step_nodes: list[int] = field(default_factory=list)
    step_lefts: list[bool] = field(default_factory=list)
    expected: list[float] = field(default_factory=list)

    def add_tree(self, structure: Mapping[str, Any], *, output: int) -> None:
        """Add the leaves of a tree."""
        waiting: list[tuple[Mapping[str, Any], tuple[Branch, ...]]] = [(structure, ())]
        while waiting:
            node, path = waiting.pop()
            if "leaf_value" in node:
                self._add_leaf(float(node["leaf_value"]) * self.scale, path, output)
                continue
            own, whole = self._add_node(node), _count(node)
            for side, is_left in (("right_child", False), ("left_child", True)):
                share = max(_count(node[side]) / whole, _LEAST)
                waiting.append((node[side], (*path, (own, is_left, share))))

    def _add_node(self, node: Mapping[str, Any]) -> int:
        own = len(self.features)
        self.features.append(self.first + int(node["split_feature"]))
        if node["decision_type"] == "<=":
            threshold = float(node["threshold"])
            # Where training had no missing value in this column, LightGBM takes one for 0.
            is_known = node["missing_type"] == "NaN"
            self.thresholds.append(threshold)
            self.missing_left.append(bool(node["default_left"]) if is_known else threshold >= 0.0)
            return own
        self.thresholds.append(-np.inf)
        self.missing_left.append(False)
        for code in node["threshold"].split("||"):
            self.code_nodes.append(own)
            self.codes.append(float(code))
        return own

    def _add_leaf(self, value: float, path: Sequence[Branch], output: int) -> None:
        by_column: dict[int, list[Branch]] = {}
        for branch in path:
            by_column.setdefault(self.column_of[self.features[branch[0]]], []).append(branch)
        leaf = len(self.values)
        self.values.append(value)
        self.leaf_outputs.append(output)
        self.expected.append(value * float(np.prod([share for _, _, share in path])))
        for column, branches in by_column.items():
            for node, is_left, _ in branches:
                self.step_pairs.append(len(self.pair_leaves))
                self.step_nodes.append(node)
                self.step_lefts.append(is_left)
            self.pair_leaves.append(leaf)
            self.pair_columns.append(column)
            self.pair_shares.append(float(np.prod([share for _, _, share in branches])))

    def base(self, outputs: int) -> npt.NDArray[np.float64]:
        """Return what is expected where nothing of a row is known, `[K]`."""
        return np.bincount(np.asarray(self.leaf_outputs, dtype=np.int64), self.expected, outputs).astype(np.float64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        whole = {name: getattr(self, name) for name in (
            "features", "code_nodes", "leaf_outputs", "pair_leaves", "pair_columns", "step_pairs", "step_nodes")}  # fmt: skip
        numbers = {name: getattr(self, name) for name in ("thresholds", "codes", "values", "pair_shares")}
        flags = {name: getattr(self, name) for name in ("missing_left", "step_lefts")}
        return {
            **{name: np.asarray(values, dtype=np.int32) for name, values in whole.items()},
            **{name: np.asarray(values, dtype=np.float64) for name, values in numbers.items()},
            **{name: np.asarray(values, dtype=np.bool_) for name, values in flags.items()},
        }


def _count(node: Mapping[str, Any]) -> float:
    """Return how many rows of the training came to a node."""
    return float(node.get("internal_count", node.get("leaf_count", 1)))
