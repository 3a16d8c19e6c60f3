"""Standardise numbers.

Lives here: NumericTransform, and the encoder that it learns.
Not here: which columns take it (config.schema.transforms.numeric).
Law: where the train split misses values and nothing fills them, a flag, or NaN among codes, says which were missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.encoder import EncodedColumn, NumberEncoder, RawColumn


@dataclass(frozen=True)
class NumericEncoder(NumberEncoder):
    """`center` and `scale`: mean and deviation of the train split. `flag`: a second number says what was missing."""

    center: float = 0.0
    scale: float = 1.0
    flag: bool = False

    @property
    def width(self) -> int:
        return 2 if self.flag else 1

    def add_nodes(self, graph: GraphBuilder) -> str:
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        filled = graph.fill(value, missing, 0.0 if self.fill is None else self.fill)
        scaled = graph.add("Div", [graph.add("Sub", [filled, graph.const(self.center)]), graph.const(self.scale)])
        if self.flag:
            scaled = graph.add("Concat", [scaled, graph.to_double(missing)], axis=1)
        return graph.to_float(scaled)

    @property
    def coded(self) -> tuple[EncodedColumn, ...]:
        return (EncodedColumn(self.column),)

    def add_codes(self, graph: GraphBuilder) -> str:
        return self.add_number(graph, fill=None if self.flag else self.fill)


class NumericTransform:
    """Subtracts the mean and divides by the deviation; a missing value becomes the median."""

    def fit(self, column: RawColumn) -> NumericEncoder:
        values, fill, clip = column.cleaned()
        known = values[~np.isnan(values)]
        flag = fill is None and len(known) < len(values)
        if fill is None:
            fill = float(np.median(known)) if len(known) else 0.0
        filled = np.where(np.isnan(values), fill, values)
        scale = float(filled.std())
        return NumericEncoder(
            column.name, "numeric", column.type, fill, clip, float(filled.mean()), scale if scale > 0 else 1.0, flag
        )
