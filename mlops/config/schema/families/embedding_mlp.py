"""Say what a network with embeddings of categories may say.

Lives here: EmbeddingMlp.
Not here: building it (workloads.training.families.embedding_mlp).
Law: the defaults are a small network that trains on one core.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.network import NetworkSpec


class EmbeddingMlp(NetworkSpec):
    """Fully connected layers that learn a few numbers for each category, in the place of a zero or a one for each."""

    order: ClassVar[int] = 14

    name: Literal["embedding_mlp"] = spec_field(doc="The family.")
    dimension: int | None = spec_field(
        None,
        doc="Numbers for each category. Default: by how many a column has, about 1.6 times their number to the power of 0.56, at most 50.",
        ge=1,
    )
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = spec_field((128, 64), doc="Width of each hidden layer.")
    dropout: float = spec_field(0.0, doc="Share of the units left out in each step of training.", ge=0, lt=1)
    embedding_dropout: float = spec_field(
        0.0, doc="Share of the embeddings' numbers left out in each step of training.", ge=0, lt=1
    )

    def encodings(self) -> tuple[Encoding, ...]:
        return (Encoding.AMOUNTS, Encoding.CODES)
