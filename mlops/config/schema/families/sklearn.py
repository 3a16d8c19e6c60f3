"""Say what an estimator of scikit-learn may say.

Lives here: Sklearn.
Not here: making and converting it (workloads.training.families.sklearn).
Law: its class is named, and imported only inside the training process.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.family import FamilySpec
from mlops.metrics.task import Task


class Sklearn(FamilySpec):
    """An estimator with the interface of scikit-learn, where skl2onnx can convert it; other fields are its parameters."""

    model_config = ConfigDict(extra="allow")
    order: ClassVar[int] = 60
    tasks: ClassVar[tuple[Task, ...]] = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)
    reads: ClassVar[tuple[str, ...]] = ("trainer.seed", "trainer.threads")

    name: Literal["sklearn"] = spec_field(doc="The family.")
    target: str = Field(
        alias="_target_",
        description="`sklearn.module.Class`; its module must be in `allow_targets`, as must those of estimators inside it, which are mappings "
        "with a `_target_` of their own.",
    )
    encoding: Encoding = spec_field(
        Encoding.AMOUNTS,
        doc="`amounts`: scaled, one-hot, nothing missing. `codes`: numbers as they are, a code for each category, NaN where missing.",
    )

    def encodings(self) -> tuple[Encoding, ...]:
        return (self.encoding,)
