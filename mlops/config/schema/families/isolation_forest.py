"""Say what an isolation forest may say.

Lives here: IsolationForest.
Not here: learning it (workloads.training.families.isolation_forest).
Law: what share of the train split is flagged is said, and not guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.families.family import FamilySpec
from mlops.config.schema.units import Share
from mlops.metrics.task import Task

if TYPE_CHECKING:
    from mlops.config.schema.model import Model


class IsolationForest(FamilySpec):
    """Trees that part rows at random: a row that is soon alone is unlike the others."""

    order: ClassVar[int] = 220
    tasks: ClassVar[tuple[Task, ...]] = (Task.ANOMALY,)
    reads: ClassVar[tuple[str, ...]] = ("trainer.seed",)

    name: Literal["isolation_forest"] = spec_field(doc="The family.")
    contamination: Share = spec_field(
        0.01, doc="Share of the train split that is flagged: the score is 0.5 where this share begins.", gt=0, lt=0.5
    )
    trees: int = spec_field(100, doc="How many trees there are.", ge=1)
    rows: int = spec_field(256, doc="Rows of the train split that each tree is grown on, at most.", ge=2)

    def check(self, model: Model) -> None:
        super().check(model)
        for position, gate in enumerate(model.gates):
            if "reconstruction_error" in gate:
                raise FieldError(
                    f"`{gate}` asks for what this family does not make: it makes no features again. Gate another metric, or "
                    "use `autoencoder`",
                    "gates",
                    position,
                )
