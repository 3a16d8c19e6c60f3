"""Boost trees.

Lives here: BoostedTreesFamily.
Not here: growing (trees), what it may say (config.schema.families.boosted_trees).
Law: as many trees as are best on validation.
"""

from __future__ import annotations

from typing import Any

from mlops.config.schema.families.boosted_trees import BoostedTrees
from mlops.workloads.training.families.family import Fit, Fitted
from mlops.workloads.training.families.trees.family import TreesFamily
from mlops.workloads.training.families.trees.grow import grow


class BoostedTreesFamily(TreesFamily):
    def fit(self, fit: Fit) -> Fitted:
        trees = fit.spec.architecture
        assert isinstance(trees, BoostedTrees)
        params: dict[str, Any] = {
            "learning_rate": trees.learning_rate, "num_leaves": trees.leaves, "feature_fraction": trees.column_share,
            "bagging_fraction": trees.row_share, "bagging_freq": int(trees.row_share < 1),
        }  # fmt: skip
        return grow(fit, params, trees=trees.trees, patience=trees.patience)
