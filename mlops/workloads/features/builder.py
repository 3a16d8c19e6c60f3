"""Collect the nodes of an ONNX graph.

Lives here: GraphBuilder, which names nodes and keeps each constant once.
Not here: which nodes a column needs (transforms), the whole graph (graph).
Law: equal calls in equal order give equal names.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mlops.contracts.names import MISSING_INT
from mlops.workloads.features.columns import DTYPES


class GraphBuilder:
    """Nodes and constants so far. A tensor is known by its name. `taken`: names that are those of inputs."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._taken = frozenset(taken)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._known: dict[bytes, str] = {}

    def add(
        self, op: str, inputs: Sequence[str], *, out: str | None = None, domain: str = "", **attributes: Any
    ) -> str:
        """Add a node with one output, and return the output's name."""
        name = out or self._free(f"f{len(self.nodes)}")
        self.nodes.append(helper.make_node(op, list(inputs), [name], domain=domain, **attributes))
        return name

    def const(self, value: Any, dtype: Any = np.float64) -> str:
        """Return the name of a constant."""
        array = np.asarray(value, dtype=dtype)
        key = array.dtype.str.encode() + repr(array.shape).encode() + array.tobytes()
        if key not in self._known:
            self._known[key] = self._free(f"c{len(self.constants)}")
            self.constants.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def _free(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        return name

    def number(self, column: str, type_: str, *, clip: tuple[float, float] | None = None) -> tuple[str, str]:
        """Return the names of a column's clipped values, DOUBLE `[N, 1]`, NaN where missing, and of the mask of missing ones.

        `type_`: the column's type in the contract, any but string.
        """
        value = column
        if DTYPES[type_] == "int64":
            gone = self.add("Equal", [value, self.const(MISSING_INT, np.int64)])
            value = self.add("Where", [gone, self.const(math.nan), self.add("Cast", [value], to=TensorProto.DOUBLE)])
        missing = self.is_missing(value)
        if clip is not None:
            low, high = clip
            value = self.add("Clip", [value, self.const(low), self.const(high)])
            value = self.add("Where", [missing, self.const(math.nan), value])
        return value, missing

    def is_missing(self, value: str) -> str:
        """Return the name of the mask of the numbers that are NaN."""
        return self.add("IsNaN", [self.add("Cast", [value], to=TensorProto.FLOAT)])

    def fill(self, value: str, missing: str, by: float) -> str:
        """Return the name of the values with a number for those that are missing."""
        return self.add("Where", [missing, self.const(by), value])

    def to_double(self, mask: str) -> str:
        """Return the name of the mask as numbers."""
        return self.add("Cast", [mask], to=TensorProto.DOUBLE)

    def to_float(self, value: str) -> str:
        """Return the name of the values as FLOAT, which every encoder ends with."""
        return self.add("Cast", [value], to=TensorProto.FLOAT)
