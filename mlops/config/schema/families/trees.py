"""Say what every family of decision trees shares.

Lives here: TreesSpec.
Not here: the families (boosted_trees, random_forest), learning (workloads.training.families.trees).
Law: columns come as they are: trees need no scaling, and send missing values and categories where they fit best.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.family import Effort, FamilySpec
from mlops.config.schema.families.network import LOSSES
from mlops.config.schema.units import Share
from mlops.metrics.task import Task

if TYPE_CHECKING:
    from mlops.config.schema.model import Model

_MONOTONE = Literal["increasing", "decreasing"]


class TreesSpec(FamilySpec):
    """Many decision trees, grown by LightGBM."""

    tasks: ClassVar[tuple[Task, ...]] = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)
    reads: ClassVar[tuple[str, ...]] = (
        "loss.name", "loss.balance", "trainer.seed", "trainer.threads", "trainer.limit_minutes",
    )  # fmt: skip
    effort: ClassVar[Effort | None] = Effort("architecture.trees", "tree")

    depth: int | None = spec_field(None, doc="The most splits from root to leaf. Default: no bound but `leaves`.", ge=1)
    min_rows: int | None = spec_field(
        None, doc="Rows of the train split that a leaf has at least. Default: by the number of rows, 20 at most.", ge=1
    )
    row_share: Share = spec_field(1.0, doc="Share of the rows that a tree sees, drawn for each tree.", gt=0)
    column_share: Share = spec_field(1.0, doc="Share of the columns that a tree sees, drawn for each tree.", gt=0)
    l1: float = spec_field(0.0, doc="How strongly small values of leaves are drawn to zero.", ge=0)
    l2: float = spec_field(0.0, doc="How strongly large values of leaves are drawn to zero.", ge=0)
    monotone: dict[str, _MONOTONE] = Field(
        {},
        description="Column -> `increasing` or `decreasing`: the prediction never goes the other way as the column grows.",
    )

    def encodings(self) -> tuple[Encoding, ...]:
        return (Encoding.CODES,)

    def check(self, model: Model) -> None:
        losses = [name for name in LOSSES.get(model.task, ()) if name != "focal"]
        if model.loss and model.loss.name not in losses:
            raise FieldError(
                f"the family `{self.name}` does not learn by `{model.loss.name}` for task `{model.task}`; use "
                f"{' or '.join(losses)}",
                "loss",
                "name",
            )
        if model.loss and model.loss.balance and model.task is Task.REGRESSION:
            raise FieldError("only classes can be balanced, and the task is `regression`", "loss", "balance")
        if self.monotone and model.task is Task.MULTICLASS:
            raise FieldError("a prediction of several classes has no direction", "architecture", "monotone")
        super().check(model)
