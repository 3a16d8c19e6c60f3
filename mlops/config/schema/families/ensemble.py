"""Say what an ensemble may say.

Lives here: Ensemble.
Not here: mixing predictions (workloads.training.families.ensemble).
Law: it reads what other models of the project predict, and no column itself.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from mlops.config.schema.base import FieldError, Name, spec_field
from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.family import FamilySpec
from mlops.contracts.names import MOST_MODELS_READ
from mlops.metrics.task import Task


class Ensemble(FamilySpec):
    """Other models of the project, mixed into one. It is made after them, and holds them: nothing of them is called later."""

    order: ClassVar[int] = 70
    tasks: ClassVar[tuple[Task, ...]] = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)

    name: Literal["ensemble"] = spec_field(doc="The family.")
    of: Annotated[tuple[Name, ...], Field(min_length=2, max_length=MOST_MODELS_READ)] = spec_field(
        doc="The models that it mixes, of the same data set and task.", refers="model"
    )
    how: Literal["stacked", "mean"] = spec_field(
        "stacked",
        doc="`stacked`: each member gets a weight, not below zero, that is best on the validation split. `mean`: all count alike.",
    )

    @model_validator(mode="after")
    def _once(self) -> Ensemble:
        for position, member in enumerate(self.of):
            if member in self.of[:position]:
                raise FieldError(f"`{member}` is named twice; a model is a member once", "of", position)
        return self

    def encodings(self) -> tuple[Encoding, ...]:
        return ()
