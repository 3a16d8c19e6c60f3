"""Say what a random split may say.

Lives here: RandomSplit.
Not here: splitting (workloads.data.splits.random).
Law: the seed has a default, so that a split is the same every time.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.splits.split import SplitSpec
from mlops.config.schema.units import Share


class RandomSplit(SplitSpec):
    """Rows are dealt by a hash of their position and the seed."""

    order: ClassVar[int] = 20

    by: Literal["random"] = spec_field(doc="How rows are split.")
    val: Share = spec_field(0.1, doc="Share of the rows that validates.")
    test: Share = spec_field(0.2, doc="Share of the rows that tests.")
    seed: int = spec_field(7, doc="Another seed deals the rows otherwise.")
    stratify: bool = spec_field(False, doc="Keep the label's proportions in each split.")
