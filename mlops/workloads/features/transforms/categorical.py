"""Give each value a slot.

Lives here: CategoricalTransform, and its two encoders: of texts, and of numbers that are names.
Not here: which columns take it, and how many values keep a slot (config.schema.transforms.categorical).
Law: a value that the train split does not have counts as a missing one. No slot stands for what training never saw: where
no value was missing there, both are zeros.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.encoder import Encoder, NumberEncoder, RawColumn

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
        value, missing = graph.number(self.column, self.type, clip=self.clip)
        if self.fill is not None:
            value = graph.fill(value, missing, self.fill)
        hot = graph.to_double(graph.add("Equal", [value, graph.const([self.categories])]))
        across = graph.const([1], np.int64)
        if self.rare:
            is_rare = graph.to_double(graph.add("Equal", [value, graph.const([self.rare])]))
            hot = graph.add("Concat", [hot, graph.add("ReduceSum", [is_rare, across], keepdims=1)], axis=1)
        known = graph.add("ReduceSum", [hot, across], keepdims=1)
        unknown = graph.add("Sub", [graph.const(1.0), known])
        return graph.to_float(graph.add("Add", [hot, graph.add("Mul", [unknown, graph.const([self._missing()])])]))

    def _missing(self) -> list[float]:
        """Return what stands for a missing value: NaN equals nothing, so its slot is given to what has none."""
        if self.fill is None:
            slots, in_rare = [one != one for one in self.categories], any(one != one for one in self.rare)
        else:
            slots, in_rare = [one == self.fill for one in self.categories], self.fill in self.rare
        return [*map(float, slots), *([float(in_rare)] if self.rare else [])]


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
