"""Write grown trees as an ONNX graph.

Lives here: trees_to_onnx, and what stands behind the sum of the trees for each task.
Not here: growing trees (grow), the graph of the features (features).
Law: a row takes the branches that LightGBM takes: rows are FLOAT there and here, so a threshold is rounded down to FLOAT, which
moves no row to another side; see docs/decisions/0026-trees-read-codes.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import lightgbm
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mlops.metrics.task import Task
from mlops.workloads.features.graph import IR, ML_OPSET, OPSET
from mlops.workloads.training.families.family import INPUT

_TREES = "trees"


def trees_to_onnx(
    booster: lightgbm.Booster, task: Task, width: int, output: str, *, center: float = 0.0, scale: float = 1.0
) -> onnx.ModelProto:
    """Return a graph from `x`, `[N, width]` FLOAT, to predictions. `center` and `scale`: of the label of a regression."""
    trees, outputs = sum_of_trees(booster, INPUT, _TREES)
    last, constants = _last_step(task, output, center, scale)
    shape: list[str | int | None] = ["N", outputs] if task is Task.MULTICLASS else ["N"]
    graph = helper.make_graph(
        [trees, *last], _TREES, [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)], constants,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR)


def sum_of_trees(booster: lightgbm.Booster, rows: str, output: str) -> tuple[onnx.NodeProto, int]:
    """Return the node that sums the leaves of each row of `rows`, and how many sums a row has."""
    model = booster.dump_model()
    outputs = int(model["num_tree_per_iteration"])
    count = max(len(model["tree_info"]) // outputs, 1)
    nodes = _Nodes(divisor=count if model.get("average_output") else 1)
    for index, tree in enumerate(model["tree_info"]):
        nodes.add_tree(index, tree["tree_structure"], target=index % outputs)
    attributes = nodes.attributes()
    node = helper.make_node(
        "TreeEnsembleRegressor", [rows], [output], domain="ai.onnx.ml", n_targets=outputs, **attributes
    )
    return node, outputs


def _last_step(
    task: Task, output: str, center: float, scale: float
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return the nodes behind the sum of the trees, and their constants."""
    axis = numpy_helper.from_array(np.asarray([1], dtype=np.int64), "axis")
    if task is Task.MULTICLASS:
        return [helper.make_node("Softmax", [_TREES], [output], axis=1)], []
    if task is Task.BINARY:
        sigmoid = helper.make_node("Sigmoid", [_TREES], ["chance"])
        return [sigmoid, helper.make_node("Squeeze", ["chance", "axis"], [output])], [axis]
    numbers = [numpy_helper.from_array(np.asarray(value, dtype=np.float64), name)
               for name, value in (("center", center), ("scale", scale))]  # fmt: skip
    steps = [
        helper.make_node("Squeeze", [_TREES, "axis"], ["standard"]),
        helper.make_node("Cast", ["standard"], ["double"], to=TensorProto.DOUBLE),
        helper.make_node("Mul", ["double", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "center"], ["moved"]),
        helper.make_node("Cast", ["moved"], [output], to=TensorProto.FLOAT),
    ]
    return steps, [axis, *numbers]


@dataclass
class _Nodes:
    """The attributes of a TreeEnsembleRegressor so far, one entry for each node or leaf."""

    divisor: int
    trees: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    trues: list[int] = field(default_factory=list)
    falses: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    leaves: list[tuple[int, int, int, float]] = field(default_factory=list)

    def add_tree(self, tree: int, structure: Mapping[str, Any], *, target: int) -> None:
        """Add the nodes of a tree, the root first."""
        waiting: list[tuple[int, Mapping[str, Any]]] = [(0, structure)]
        used = 1
        while waiting:
            own, node = waiting.pop()
            if "leaf_value" in node:
                self._add(tree, own, 0, "LEAF", 0.0, (0, 0), 0)
                self.leaves.append((tree, own, target, node["leaf_value"] / self.divisor))
                continue
            left, right = used, used + 1
            used += 2
            waiting += [(right, node["right_child"]), (left, node["left_child"])]
            column = int(node["split_feature"])
            if node["decision_type"] == "<=":
                threshold = float(node["threshold"])
                self._add(tree, own, column, "BRANCH_LEQ", _round_down(threshold), (left, right), _takes_missing(node))
                continue
            # A category of the set goes left; each is asked for in turn, and what is none of them, or missing, goes right.
            codes = sorted(float(code) for code in node["threshold"].split("||"))
            for position, code in enumerate(codes):
                following = right if position == len(codes) - 1 else used
                self._add(tree, own, column, "BRANCH_EQ", code, (left, following), 0)
                own, used = following, used if following == right else used + 1

    def _add(
        self, tree: int, own: int, column: int, mode: str, value: float, children: tuple[int, int], missing: int
    ) -> None:
        self.trees.append(tree)
        self.ids.append(own)
        self.columns.append(column)
        self.modes.append(mode)
        self.values.append(value)
        self.trues.append(children[0])
        self.falses.append(children[1])
        self.missing.append(missing)

    def attributes(self) -> dict[str, Any]:
        trees, ids, targets, weights = zip(*self.leaves, strict=True) if self.leaves else ((0,), (0,), (0,), (0.0,))
        if not self.leaves:
            self._add(0, 0, 0, "LEAF", 0.0, (0, 0), 0)
        return {
            "nodes_treeids": self.trees, "nodes_nodeids": self.ids, "nodes_featureids": self.columns,
            "nodes_modes": self.modes, "nodes_values": self.values, "nodes_truenodeids": self.trues,
            "nodes_falsenodeids": self.falses, "nodes_missing_value_tracks_true": self.missing,
            "target_treeids": trees, "target_nodeids": ids, "target_ids": targets, "target_weights": weights,
        }  # fmt: skip


def _round_down(threshold: float) -> float:
    """Return the largest FLOAT that is not above the threshold: a FLOAT is at most the one where it is at most the other."""
    most = float(np.finfo(np.float32).max)  # LightGBM's 1e300 parts what is missing from all the rest
    nearest = np.float32(min(max(threshold, -most), most))
    return float(nearest if float(nearest) <= threshold else np.nextafter(nearest, np.float32(-np.inf)))


def _takes_missing(node: Mapping[str, Any]) -> int:
    """Say whether a missing value goes left: where training had none in this column, LightGBM takes it for 0."""
    if node["missing_type"] == "NaN":
        return int(node["default_left"])
    return int(float(node["threshold"]) >= 0.0)
