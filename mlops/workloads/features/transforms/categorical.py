"""Give each value a slot.

Lives here: CategoricalTransform, and its two encoders: of texts, and of numbers that are names.
Not here: which columns take it, and how many values keep a slot (config.schema.transforms.categorical).
Law: a value that the train split does not have gets the last slot; among codes, it counts as missing.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.encoder import EncodedColumn, Encoder, NumberEncoder, RawColumn


@dataclass(frozen=True)
class TextEncoder(Encoder):
    """`categories`: `""` is a missing text where the train split has any. `renames`: texts that count as others."""

    categories: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()

    @property
    def width(self) -> int:
        return len(self.categories) + 1

    def add_nodes(self, graph: GraphBuilder) -> str:
        places = {text: index for index, text in enumerate(self.categories)}
        unseen = len(places)
        keys = dict(places) | {raw: places.get(text, unseen) for raw, text in self.renames}
        index = graph.add(
            "LabelEncoder", [self.column], domain="ai.onnx.ml", keys_strings=list(keys),
            values_int64s=list(keys.values()), default_int64=unseen,
        )  # fmt: skip
        depth, values = graph.const(unseen + 1, np.int64), graph.const([0.0, 1.0], np.float32)
        hot = graph.add("OneHot", [index, depth, values], axis=-1)
        return graph.add("Reshape", [hot, graph.const([-1, unseen + 1], np.int64)])

    @property
    def coded(self) -> tuple[EncodedColumn, ...]:
        return (EncodedColumn(self.column, len(self.categories)),)

    def add_codes(self, graph: GraphBuilder) -> str:
        codes = {text: float(index) for index, text in enumerate(self.categories)}
        other = codes.get("", math.nan)
        keys = codes | {raw: codes.get(text, other) for raw, text in self.renames}
        code = graph.add(
            "LabelEncoder", [self.column], domain="ai.onnx.ml", keys_strings=list(keys),
            values_floats=list(keys.values()), default_float=other,
        )  # fmt: skip
        return graph.add("Reshape", [code, graph.const([-1, 1], np.int64)])


@dataclass(frozen=True)
class ValueEncoder(NumberEncoder):
    """`categories`: numbers; NaN, the last, is a missing one where the train split has any."""

    categories: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        return len(self.categories) + 1

    def add_nodes(self, graph: GraphBuilder) -> str:
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        if self.fill is not None:
            value = graph.fill(value, missing, self.fill)
        known = [category for category in self.categories if category == category]
        hot = graph.to_double(graph.add("Equal", [value, graph.const([known])]))
        parts = [hot]
        if len(known) < len(self.categories):
            parts.append(graph.to_double(missing))
        seen = graph.add("Concat", parts, axis=1) if len(parts) > 1 else hot
        total = graph.add("ReduceSum", [seen, graph.const([1], np.int64)], keepdims=1)
        both = graph.add("Concat", [seen, graph.add("Sub", [graph.const(1.0), total])], axis=1)
        return graph.to_float(both)

    @property
    def coded(self) -> tuple[EncodedColumn, ...]:
        return (EncodedColumn(self.column, len(self.categories)),)

    def add_codes(self, graph: GraphBuilder) -> str:
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        if self.fill is not None:
            value = graph.fill(value, missing, self.fill)
        known = [category for category in self.categories if category == category]
        hot = graph.to_double(graph.add("Equal", [value, graph.const([known])]))
        code = graph.add("MatMul", [hot, graph.const([[place] for place in range(len(known))])])
        is_known = graph.add(
            "Greater", [graph.add("ReduceSum", [hot, graph.const([1], np.int64)], keepdims=1), graph.const(0.5)]
        )
        other = graph.const(len(known) if len(known) < len(self.categories) else math.nan)
        return graph.to_float(graph.add("Where", [is_known, code, other]))


class CategoricalTransform:
    """Encodes a value as zeros and a one, at the place of the value."""

    def fit(self, column: RawColumn) -> Encoder:
        most = column.options["max_categories"]
        return _texts(column, most) if column.type == "string" else _values(column, most)


def _values(column: RawColumn, most: int) -> ValueEncoder:
    values, fill, clip = column.cleaned()
    known, counts = np.unique(values, return_counts=True, equal_nan=True)
    counted: Any = zip(known.tolist(), counts.tolist(), strict=True)
    kept = [value for value, _ in sorted(counted, key=lambda pair: (-pair[1], str(pair[0])))[:most]]
    missing = [value for value in kept if value != value]
    categories = (*sorted(value for value in kept if value == value), *missing)
    return ValueEncoder(column.name, "categorical", column.type, fill, clip, categories)


def _texts(column: RawColumn, most: int) -> TextEncoder:
    renames = dict(column.cleaning.get("map", {}))
    how = column.cleaning.get("missing")
    if how is not None and how != "drop":
        renames = {**renames, "": str(how)}
    counted = Counter(renames.get(value, value) for value in column.values.tolist())
    kept = [text for text, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:most]]
    return TextEncoder(column.name, "categorical", column.type, tuple(sorted(kept)), tuple(sorted(renames.items())))
