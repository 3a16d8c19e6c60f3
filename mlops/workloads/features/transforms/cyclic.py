"""Put numbers on a circle.

Lives here: CyclicTransform, and the encoder that it learns.
Not here: which columns take it, and their periods (config.schema.transforms.cyclic).
Law: a number and the number one period later are encoded alike; a missing one is the circle's middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.encoder import EncodedColumn, NumberEncoder, RawColumn


@dataclass(frozen=True)
class CyclicEncoder(NumberEncoder):
    """`period`: the number that means the same as 0."""

    period: float = 1.0

    @property
    def width(self) -> int:
        return 2

    def add_nodes(self, graph: GraphBuilder) -> str:
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        if self.fill is not None:
            value = graph.fill(value, missing, self.fill)
            missing = graph.is_missing(value)
        angle = graph.add("Mul", [value, graph.const(2 * math.pi / self.period)])
        both = graph.add("Concat", [graph.add("Sin", [angle]), graph.add("Cos", [angle])], axis=1)
        return graph.to_float(graph.fill(both, missing, 0.0))

    @property
    def coded(self) -> tuple[EncodedColumn, ...]:
        return (EncodedColumn(self.column),)

    def add_codes(self, graph: GraphBuilder) -> str:
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        if self.fill is not None:
            value = graph.fill(value, missing, self.fill)
        period = graph.const(self.period)
        turns = graph.add("Floor", [graph.add("Div", [value, period])])
        return graph.to_float(graph.add("Sub", [value, graph.add("Mul", [turns, period])]))


class CyclicTransform:
    """Encodes a number as sine and cosine."""

    def fit(self, column: RawColumn) -> CyclicEncoder:
        _, fill, clip = column.cleaned()
        return CyclicEncoder(column.name, "cyclic", column.type, fill, clip, float(column.parameter))
