"""Say what the default for tables may say.

Lives here: Auto.
Not here: learning (workloads.training.families.auto).
Law: what it chooses, it chooses by the rows; the space of its candidates has a version, and the clock only cuts off.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.family import FamilySpec
from mlops.config.schema.families.trees import OPENMP
from mlops.config.schema.units import Duration
from mlops.metrics.task import Task


class Auto(FamilySpec):
    """Linear models and trees of several kinds, tried on rows that they did not learn from; the best, or several of them weighed,
    are the model. For tables that nobody knows yet."""

    order: ClassVar[int] = 5
    tasks: ClassVar[tuple[Task, ...]] = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)
    reads: ClassVar[tuple[str, ...]] = ("trainer.seed", "trainer.threads")

    name: Literal["auto"] = spec_field(doc="The family.")
    budget: Duration = spec_field(
        60.0,
        doc="How long candidates are tried and the best learn from all rows; which ones the time did not suffice for is in the "
        "ledger. A linear model and boosted trees are always tried, of these as many as grow in the time.",
        gt=0,
    )
    space: Literal[1] = spec_field(
        1, doc="The version of the list of candidates. A version never changes, so that a model stays what it is."
    )

    @classmethod
    def libraries(cls) -> tuple[tuple[str, str], ...]:
        return (OPENMP,)

    def encodings(self) -> tuple[Encoding, ...]:
        return (Encoding.AMOUNTS, Encoding.CODES)
