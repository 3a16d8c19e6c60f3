"""Say what a random forest may say.

Lives here: RandomForest.
Not here: what all trees share (trees), learning (workloads.training.families.random_forest).
Law: trees differ by the rows and columns that they see, and none corrects another.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.trees import TreesSpec
from mlops.config.schema.units import Share


class RandomForest(TreesSpec):
    """The mean of many large trees, each grown on other rows and columns."""

    order: ClassVar[int] = 50

    name: Literal["random_forest"] = spec_field(doc="The family.")
    trees: int = spec_field(200, doc="How many; for several classes, of each.", ge=1)
    leaves: int = spec_field(255, doc="The most leaves of a tree.", ge=2)
    row_share: Share = spec_field(0.632, doc="Share of the rows that a tree sees, drawn for each tree.", gt=0, lt=1)
    column_share: Share = spec_field(0.6, doc="Share of the columns that a split chooses from, drawn for each.", gt=0)
