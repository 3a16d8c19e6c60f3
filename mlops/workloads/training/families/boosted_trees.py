"""Boost trees.

Lives here: BoostedTreesFamily, and boosting_params.
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
        chosen = fit.spec.architecture
        assert isinstance(chosen, BoostedTrees)
        return grow(fit, boosting_params(chosen), trees=chosen.trees, patience=chosen.patience)


def boosting_params(chosen: BoostedTrees) -> dict[str, Any]:
    """Return LightGBM's parameters of boosting, beside those that every kind of trees has."""
    return {
        "learning_rate": chosen.learning_rate, "num_leaves": chosen.leaves, "feature_fraction": chosen.column_share,
        "bagging_fraction": chosen.row_share, "bagging_freq": int(chosen.row_share < 1),
    }  # fmt: skip
