"""Take numbers as they are.

Lives here: PassthroughTransform, and the encoder that it learns.
Not here: which columns take it (config.schema.transforms.passthrough).
Law: a number stays what it is; a missing one becomes 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.encoder import EncodedColumn, NumberEncoder, RawColumn


@dataclass(frozen=True)
class PassthroughEncoder(NumberEncoder):
    """The number after cleaning."""

    @property
    def width(self) -> int:
        return 1

    def add_nodes(self, graph: GraphBuilder) -> str:
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        return graph.to_float(graph.fill(value, missing, 0.0))

    @property
    def coded(self) -> tuple[EncodedColumn, ...]:
        return (EncodedColumn(self.column),)

    def add_codes(self, graph: GraphBuilder) -> str:
        return self.add_number(graph, fill=None)


class PassthroughTransform:
    """Leaves numbers alone."""

    def fit(self, column: RawColumn) -> PassthroughEncoder:
        _, fill, clip = column.cleaned()
        return PassthroughEncoder(column.name, "passthrough", column.type, fill, clip)
