"""Say what boosted trees may say.

Lives here: BoostedTrees.
Not here: what all trees share (trees), learning (workloads.training.families.boosted_trees).
Law: the defaults need no search: small steps, and as many trees as validation gets better by.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.trees import TreesSpec


class BoostedTrees(TreesSpec):
    """Gradient boosting: each tree corrects what those before it got wrong. The best number of trees on validation is kept."""

    order: ClassVar[int] = 40

    name: Literal["boosted_trees"] = spec_field(doc="The family.")
    trees: int = spec_field(1000, doc="The most trees; for several classes, of each.", ge=1)
    learning_rate: float = spec_field(0.05, doc="How much of its correction a tree makes.", gt=0, le=1)
    leaves: int = spec_field(31, doc="The most leaves of a tree.", ge=2)
    patience: int | None = spec_field(
        50, doc="Trees without a better value on validation after which training ends; `null`: all are grown.", ge=1
    )
