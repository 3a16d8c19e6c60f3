"""Grow a random forest.

Lives here: RandomForestFamily, and forest_params.
Not here: growing (trees), what it may say (config.schema.families.random_forest).
Law: every tree is kept: more trees are never worse, so that validation has nothing to choose.
"""

from __future__ import annotations

from typing import Any

from mlops.config.schema.families.random_forest import RandomForest
from mlops.workloads.training.families.family import Fit, Fitted
from mlops.workloads.training.families.trees.family import TreesFamily
from mlops.workloads.training.families.trees.grow import grow


class RandomForestFamily(TreesFamily):
    def fit(self, fit: Fit) -> Fitted:
        trees = fit.spec.architecture
        assert isinstance(trees, RandomForest)
        return grow(fit, forest_params(trees), trees=trees.trees)


def forest_params(trees: RandomForest) -> dict[str, Any]:
    """Return LightGBM's parameters of a forest, beside those that every kind of trees has."""
    return {
        "boosting": "rf", "num_leaves": trees.leaves, "feature_fraction_bynode": trees.column_share,
        "bagging_fraction": trees.row_share, "bagging_freq": 1,
    }  # fmt: skip
