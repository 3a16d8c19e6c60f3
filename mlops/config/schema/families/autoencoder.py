"""Say what an autoencoder may say.

Lives here: Autoencoder.
Not here: building it (workloads.training.families.autoencoder).
Law: what share of the train split is flagged is said, and not guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.families.network import NetworkSpec
from mlops.config.schema.units import Share
from mlops.metrics.task import Task

if TYPE_CHECKING:
    from mlops.config.schema.model import Model


class Autoencoder(NetworkSpec):
    """A network that makes a row's features again out of few numbers: a row that it makes badly is unlike the others."""

    order: ClassVar[int] = 230
    tasks: ClassVar[tuple[Task, ...]] = (Task.ANOMALY,)

    name: Literal["autoencoder"] = spec_field(doc="The family.")
    contamination: Share = spec_field(
        0.01, doc="Share of the train split that is flagged: the score is 0.5 where this share begins.", gt=0, lt=0.5
    )
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = spec_field(
        (32,), doc="Width of each hidden layer on the way to the few numbers; on the way back the same, reversed."
    )
    code: int = spec_field(4, doc="How many numbers a row is made again of.", ge=1)
    activation: Literal["relu", "gelu", "silu"] = spec_field("relu", doc="What stands after each hidden layer.")

    @classmethod
    def logged(cls, task: Task) -> tuple[str, ...]:
        return cls.logs

    def check(self, model: Model) -> None:
        super().check(model)
        if model.loss is not None:
            raise FieldError("an autoencoder makes its reconstruction error small, and no other loss", "loss")
