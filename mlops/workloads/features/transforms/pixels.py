"""Scale pixels.

Lives here: PixelsTransform, and the encoder that it learns.
Not here: images in files (image), which columns take it (config.schema.transforms.pixels).
Law: all pixels of an image are scaled alike, so that what is light beside what is dark stays so.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.encoder import NumberEncoder, RawColumn


@dataclass(frozen=True)
class PixelEncoder(NumberEncoder):
    """`low`, `high`: become 0 and 1."""

    low: float = 0.0
    high: float = 255.0

    @property
    def width(self) -> int:
        return 1

    def add_nodes(self, graph: GraphBuilder) -> str:
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        known = graph.fill(value, missing, self.low if self.fill is None else self.fill)
        above = graph.add("Sub", [known, graph.const(self.low)])
        return graph.to_float(graph.add("Div", [above, graph.const(self.high - self.low)]))


class PixelsTransform:
    """Brings a pixel to the range from 0 to 1."""

    def fit(self, column: RawColumn) -> PixelEncoder:
        _, fill, clip = column.cleaned()
        low, high = column.options["pixel_range"]
        return PixelEncoder(column.name, "pixels", column.type, fill, clip, float(low), float(high))
