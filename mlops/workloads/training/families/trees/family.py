"""Read grown trees again.

Lives here: TreesFamily, the base of every family of trees.
Not here: growing (grow), what was grown (fitted), the kinds of trees (training.families).
Law: a family of trees says how it grows them, and nothing else.
"""

from __future__ import annotations

from pathlib import Path

from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import Family
from mlops.workloads.training.families.trees.fitted import FittedTrees


class TreesFamily(Family):
    def load(self, folder: Path, description: Description) -> FittedTrees:
        return FittedTrees.load(folder, description.task, description.width)
