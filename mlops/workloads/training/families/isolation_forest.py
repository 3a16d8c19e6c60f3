"""Find rows that are soon alone.

Lives here: IsolationForestFamily; with scikit-learn.
Not here: what it may say (config.schema.families.isolation_forest), from where a row is flagged (anomaly_scale).
Law: the graph takes each branch that scikit-learn takes, to the last bit of a threshold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto
from sklearn.ensemble import IsolationForest

from mlops.workloads.training.description import Description
from mlops.workloads.training.families.anomaly_scale import boundary_of
from mlops.workloads.training.families.family import INPUT, Family, Fit
from mlops.workloads.training.families.fitted_graph import FittedGraph, GraphWriter
from mlops.workloads.training.families.fitted_onnx import FittedOnnx
from mlops.workloads.training.unlabelled import enough_rows

_EULER = 0.5772156649015329


class IsolationForestFamily(Family):
    def fit(self, fit: Fit) -> FittedGraph:
        spec: Any = fit.spec.architecture
        enough_rows(len(fit.train.x), 2, "the data set")
        estimator = IsolationForest(
            n_estimators=spec.trees, max_samples=min(spec.rows, len(fit.train.x)), random_state=fit.spec.trainer.seed, n_jobs=1,
        )  # fmt: skip
        found = estimator.fit(fit.train.x)
        boundary = boundary_of(-found.score_samples(fit.train.x), spec.contamination)

        def own(rows: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
            return _scaled(-found.score_samples(rows), boundary)

        summary = {"output": "score", "trees": spec.trees}
        return FittedGraph(_graph(found, boundary, fit.width), own=own, summary=summary)

    def load(self, folder: Path, description: Description) -> FittedOnnx:
        return FittedOnnx.load(folder)


def _scaled(raw: npt.NDArray[Any], boundary: float) -> npt.NDArray[Any]:
    """Return scores from 0 to 1 in the order of `raw`, which is too, with 0.5 at the boundary: the odds, divided."""
    above = raw * (1 - boundary)
    scaled: npt.NDArray[Any] = above / (above + boundary * (1 - raw))
    return scaled


def _graph(found: IsolationForest, boundary: float, width: int) -> onnx.ModelProto:
    """Return the score: 2 to the power of minus the mean depth at which a row is alone, over that of rows at random.

    Liu, Ting and Zhou, Isolation Forest (2008).
    """
    writer = GraphWriter(width)
    depth = writer.add("TreeEnsembleRegressor", [INPUT], domain="ai.onnx.ml", **_trees(found))
    expected = len(found.estimators_) * _expected_depth(np.array([found.max_samples_]))[0]
    exponent = writer.add("Div", [writer.add("Cast", [depth], to=TensorProto.DOUBLE), writer.const(-expected)])
    raw = writer.add("Pow", [writer.const(2.0), exponent])
    above = writer.add("Mul", [raw, writer.const(1 - boundary)])
    below = writer.add("Mul", [writer.add("Sub", [writer.const(1.0), raw]), writer.const(boundary)])
    score = writer.add("Div", [above, writer.add("Add", [above, below])])
    return writer.finish(writer.add("Squeeze", [score, writer.const([1], np.int64)]), None)


def _trees(found: IsolationForest) -> dict[str, Any]:
    """Return the attributes of a TreeEnsembleRegressor that adds up the depths of a row's leaves."""
    nodes: dict[str, list[Any]] = {
        name: [] for name in (
            "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_truenodeids",
            "nodes_falsenodeids", "target_treeids", "target_nodeids", "target_ids", "target_weights",
        )
    }  # fmt: skip
    for number, (estimator, features) in enumerate(zip(found.estimators_, found.estimators_features_, strict=True)):
        tree = estimator.tree_
        is_leaf = tree.children_left == -1
        count = len(is_leaf)
        nodes["nodes_treeids"] += [number] * count
        nodes["nodes_nodeids"] += range(count)
        nodes["nodes_featureids"] += np.where(is_leaf, 0, features[np.maximum(tree.feature, 0)]).tolist()
        nodes["nodes_modes"] += np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist()
        nodes["nodes_values"] += np.where(is_leaf, 0.0, _rounded_down(tree.threshold)).tolist()
        nodes["nodes_truenodeids"] += np.where(is_leaf, 0, tree.children_left).tolist()
        nodes["nodes_falsenodeids"] += np.where(is_leaf, 0, tree.children_right).tolist()
        leaves = np.flatnonzero(is_leaf)
        depths = _depths(tree)[leaves] + _expected_depth(tree.n_node_samples[leaves])
        nodes["target_treeids"] += [number] * len(leaves)
        nodes["target_nodeids"] += leaves.tolist()
        nodes["target_ids"] += [0] * len(leaves)
        nodes["target_weights"] += depths.tolist()
    return {**nodes, "n_targets": 1, "aggregate_function": "SUM", "post_transform": "NONE"}


def _rounded_down(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest FLOATs that are not above: a FLOAT is at most one of them where it is at most the threshold."""
    rounded = thresholds.astype(np.float32)
    lower: npt.NDArray[np.float32] = np.where(
        rounded.astype(np.float64) > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded
    )
    return lower


def _depths(tree: Any) -> npt.NDArray[np.int64]:
    depths = np.zeros(tree.node_count, dtype=np.int64)
    for node, (left, right) in enumerate(zip(tree.children_left, tree.children_right, strict=True)):
        if left != -1:
            depths[[left, right]] = depths[node] + 1
    return depths


def _expected_depth(rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the mean depth at which one of so many rows is alone, as scikit-learn has it."""
    counts = rows.astype(np.float64)
    many = np.maximum(counts, 3)
    depths = 2 * (np.log(many - 1) + _EULER) - 2 * (many - 1) / many
    found: npt.NDArray[np.float64] = np.where(counts <= 1, 0.0, np.where(counts == 2, 1.0, depths))
    return found
