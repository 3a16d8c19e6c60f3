"""Give each value a slot.

Lives here: CategoricalTransform, and its two encoders: of texts, and of numbers that are names.
Not here: which columns take it, and how many values keep a slot (config.schema.transforms.categorical).
Law: a value that the train split does not have counts as a missing one. No slot stands for what training never saw: where
no value was missing there, both are zeros.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.encoder import EncodedColumn, Encoder, NumberEncoder, RawColumn

_MOST_RARE = 5_000
"""Rare values that are known to be such; the model file names each of them. Others count as values that training never had."""


@dataclass(frozen=True)
class TextEncoder(Encoder):
    """`categories`: `""` is a missing text where the train split has any. `rare`: values that share the last slot. `renames`:
    texts that count as others."""

    categories: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()

    @property
    def width(self) -> int:
        return len(self.categories) + bool(self.rare)

    def add_nodes(self, graph: GraphBuilder) -> str:
        renames = dict(self.renames)
        places = {text: index for index, text in enumerate(self.categories)} | dict.fromkeys(
            self.rare, len(self.categories)
        )
        missing = places.get(renames.get("", ""), self.width)  # a place beyond the slots is zeros
        keys = places | {raw: places.get(text, missing) for raw, text in renames.items()}
        index = graph.add(
            "LabelEncoder", [self.column], domain="ai.onnx.ml", keys_strings=list(keys) or [""],
            values_int64s=list(keys.values()) or [missing], default_int64=missing,
        )  # fmt: skip
        depth, values = graph.const(self.width, np.int64), graph.const([0.0, 1.0], np.float32)
        hot = graph.add("OneHot", [index, depth, values], axis=-1)
        return graph.add("Reshape", [hot, graph.const([-1, self.width], np.int64)])

    @property
    def coded(self) -> tuple[EncodedColumn, ...]:
        return (EncodedColumn(self.column, self.width),)

    def add_codes(self, graph: GraphBuilder) -> str:
        renames = dict(self.renames)
        codes = {text: float(index) for index, text in enumerate(self.categories)} | dict.fromkeys(
            self.rare, float(len(self.categories))
        )
        missing = codes.get(renames.get("", ""), math.nan)
        keys = codes | {raw: codes.get(text, missing) for raw, text in renames.items()}
        code = graph.add(
            "LabelEncoder", [self.column], domain="ai.onnx.ml", keys_strings=list(keys) or [""],
            values_floats=list(keys.values()) or [missing], default_float=missing,
        )  # fmt: skip
        return graph.add("Reshape", [code, graph.const([-1, 1], np.int64)])


@dataclass(frozen=True)
class ValueEncoder(NumberEncoder):
    """`categories`: numbers; NaN, the last, is a missing one where the train split has any. `rare`: values that share the
    last slot."""

    categories: tuple[float, ...] = ()
    rare: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        return len(self.categories) + bool(self.rare)

    def add_nodes(self, graph: GraphBuilder) -> str:
        hot = self._add_slots(graph)
        known = _sum(graph, hot)
        unknown = graph.add("Sub", [graph.const(1.0), known])
        return graph.to_float(graph.add("Add", [hot, graph.add("Mul", [unknown, graph.const([self._missing()])])]))

    def _add_slots(self, graph: GraphBuilder) -> str:
        """Add a one at the place of each known value."""
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        if self.fill is not None:
            value = graph.fill(value, missing, self.fill)
        hot = graph.to_double(graph.add("Equal", [value, graph.const([self.categories])]))
        if self.rare:
            is_rare = graph.to_double(graph.add("Equal", [value, graph.const([self.rare])]))
            hot = graph.add("Concat", [hot, _sum(graph, is_rare)], axis=1)
        return hot

    def _missing(self) -> list[float]:
        """Return what stands for a missing value: NaN equals nothing, so its slot is given to what has none."""
        if self.fill is None:
            slots, in_rare = [one != one for one in self.categories], any(one != one for one in self.rare)
        else:
            slots, in_rare = [one == self.fill for one in self.categories], self.fill in self.rare
        return [*map(float, slots), *([float(in_rare)] if self.rare else [])]

    @property
    def coded(self) -> tuple[EncodedColumn, ...]:
        return (EncodedColumn(self.column, self.width),)

    def add_codes(self, graph: GraphBuilder) -> str:
        hot, slots = self._add_slots(graph), self._missing()
        code = graph.add("MatMul", [hot, graph.const([[place] for place in range(self.width)])])
        is_known = graph.add("Greater", [_sum(graph, hot), graph.const(0.5)])
        other = graph.const(slots.index(1.0) if 1.0 in slots else math.nan)
        return graph.to_float(graph.add("Where", [is_known, code, other]))


def _sum(graph: GraphBuilder, hot: str) -> str:
    """Add the sum of each row, `[N, 1]`."""
    return graph.add("ReduceSum", [hot, graph.const([1], np.int64)], keepdims=1)


class CategoricalTransform:
    """Encodes a value as zeros and a one, at the place of the value."""

    def fit(self, column: RawColumn) -> Encoder:
        most = column.options["max_categories"]
        return _texts(column, most) if column.type == "string" else _values(column, most)


def _values(column: RawColumn, most: int) -> ValueEncoder:
    values, fill, clip = column.cleaned()
    known, counts = np.unique(values, return_counts=True, equal_nan=True)
    counted: Any = zip(known.tolist(), counts.tolist(), strict=True)
    ordered = [value for value, _ in sorted(counted, key=lambda pair: (-pair[1], str(pair[0])))]
    kept, rare = ordered[:most], ordered[most : most + _MOST_RARE]
    missing = [value for value in kept if value != value]
    categories = (*sorted(value for value in kept if value == value), *missing)
    return ValueEncoder(column.name, "categorical", column.type, fill, clip, categories, tuple(sorted(rare)))


def _texts(column: RawColumn, most: int) -> TextEncoder:
    renames = dict(column.cleaning.get("map", {}))
    how = column.cleaning.get("missing")
    if how is not None and how != "drop":
        renames = {**renames, "": str(how)}
    counted = Counter(renames.get(value, value) for value in column.values.tolist())
    ordered = [text for text, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))]
    kept, rare = ordered[:most], ordered[most : most + _MOST_RARE]
    known = tuple(sorted(kept)), tuple(sorted(rare)), tuple(sorted(renames.items()))
    return TextEncoder(column.name, "categorical", column.type, *known)
