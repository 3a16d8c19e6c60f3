"""Say what a network of fully connected layers may say.

Lives here: Mlp.
Not here: building it (workloads.training.families.mlp).
Law: the defaults are a small network that trains on one core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.families.network import NetworkSpec

if TYPE_CHECKING:
    from mlops.config.schema.model import Model


class Mlp(NetworkSpec):
    """A network of fully connected layers."""

    order: ClassVar[int] = 10

    name: Literal["mlp"] = spec_field(doc="The family.")
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = spec_field((128, 64), doc="Width of each hidden layer.")
    dropout: float = spec_field(0.2, doc="Share of the units left out in each step of training.", ge=0, lt=1)
    activation: Literal["relu", "gelu", "silu"] = spec_field("relu", doc="What stands after each hidden layer.")
    norm: Literal["none", "batch", "layer"] = spec_field(
        "none", doc="How the outputs of each hidden layer are normalised."
    )

    def check(self, model: Model) -> None:
        if self.norm == "batch" and model.trainer.batch_size == 1:
            raise FieldError("a batch of one row has nothing to normalise; use at least 2", "trainer", "batch_size")
        super().check(model)
