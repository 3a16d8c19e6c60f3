"""Say what the default for tables may say.

Lives here: Auto.
Not here: learning (workloads.training.families.auto).
Law: it has nothing to say; what it chooses, it chooses by the rows.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.family import FamilySpec
from mlops.metrics.task import Task


class Auto(FamilySpec):
    """Boosted trees and a linear model in one, each weighed by rows that neither learned from. For tables that nobody knows yet."""

    order: ClassVar[int] = 5
    tasks: ClassVar[tuple[Task, ...]] = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)
    reads: ClassVar[tuple[str, ...]] = ("trainer.seed", "trainer.threads")

    name: Literal["auto"] = spec_field(doc="The family.")

    def encodings(self) -> tuple[Encoding, ...]:
        return (Encoding.AMOUNTS, Encoding.CODES)
