"""Keep a model that is an ONNX graph already.

Lives here: FittedOnnx, and number_names.
Not here: making the graph (the families).
Law: a graph is kept without what tools wrote about themselves, so that equal models give equal bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from mlops.workloads.features.graph import Graph
from mlops.workloads.training.families.family import INPUT, Fitted

_FILE = "model.onnx"


def number_names(graph: onnx.GraphProto, names: dict[str, str] | None = None) -> None:
    """Number the tensors of a graph, and of the graphs inside it, in their order: converters count through a whole process.

    `names`: those that stay, such as that of the input.
    """
    names = {} if names is None else names

    def new(name: str) -> str:
        return names.setdefault(name, f"t{len(names)}") if name else ""

    for value in (*graph.initializer, *graph.input):
        value.name = new(value.name)
    for node in graph.node:
        node.name = ""
        node.input[:] = [new(name) for name in node.input]
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                attribute.g.name = "inner"
                number_names(attribute.g, names)
        node.output[:] = [new(name) for name in node.output]
    for value in graph.output:
        value.name = new(value.name)


class FittedOnnx(Fitted):
    """`model`: from `x`, `[N, width]` FLOAT, to one output, the prediction."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        return Graph(self._model.SerializeToString(deterministic=True))({INPUT: x})

    def save(self, folder: Path) -> None:
        (folder / _FILE).write_bytes(self._model.SerializeToString(deterministic=True))

    @classmethod
    def load(cls, folder: Path) -> FittedOnnx:
        return cls(onnx.load(folder / _FILE))

    def to_onnx(self, output: str) -> onnx.ModelProto:
        prefixed = onnx.compose.add_prefix(
            self._model, "own_", rename_inputs=False
        )  # an inner name may be that of the output
        before = prefixed.graph.output[0].name
        prefixed.graph.output[0].name = output
        for node in prefixed.graph.node:
            node.output[:] = [output if name == before else name for name in node.output]
        return prefixed
