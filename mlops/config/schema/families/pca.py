"""Say what principal components may say.

Lives here: Pca.
Not here: learning them (workloads.training.families.pca).
Law: equal rows give equal components, with equal signs.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.family import FamilySpec
from mlops.metrics.task import Task


class Pca(FamilySpec):
    """Principal components: the few directions in which rows differ most. Predicts where a row lies along each."""

    order: ClassVar[int] = 240
    tasks: ClassVar[tuple[Task, ...]] = (Task.REDUCTION,)

    name: Literal["pca"] = spec_field(doc="The family.")
    components: int = spec_field(2, doc="How many numbers a row becomes.", ge=1)
    whiten: bool = spec_field(False, doc="Divide each component by its deviation in the train split.")
