"""Keep a model that is an ONNX graph.

Lives here: FittedGraph, the model of families that write their graph themselves; GraphWriter, which they write it with.
Not here: what a graph computes (the families).
Law: in the process that trained, it predicts as the library did that trained it, so that `export` holds the graph against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.graph import IR, ML_OPSET, OPSET, Graph
from mlops.workloads.training.families.family import INPUT, Fitted

FILE = "graph.onnx"
_OUT = "prediction"
Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]


class FittedGraph(Fitted):
    """`graph`: from the input `x`, `[N, width]` FLOAT, to one output. `own`: how the library predicts that trained it."""

    def __init__(self, graph: bytes, *, own: Predict | None = None, summary: Mapping[str, Any] | None = None) -> None:
        self._graph, self._own = graph, own
        self.summary = summary or {}

    @classmethod
    def read(cls, folder: Path) -> FittedGraph:
        return cls((folder / FILE).read_bytes())

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        if self._own is not None:
            return self._own(x).astype(np.float32)
        return Graph(self._graph)({INPUT: x})

    def save(self, folder: Path) -> None:
        (folder / FILE).write_bytes(self._graph)

    def to_onnx(self, output: str) -> onnx.ModelProto:
        model = onnx.load_from_string(self._graph)
        name = model.graph.output[0].name
        model.graph.node.append(helper.make_node("Identity", [name], [output]))
        model.graph.output[0].name = output
        return model


class GraphWriter(GraphBuilder):
    """Writes what a family computes, in DOUBLE. `width`: how many features there are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width
        self.x = self.add("Cast", [INPUT], to=TensorProto.DOUBLE)

    def finish(self, result: str, outputs: int | None) -> bytes:
        """Return the graph whose output is `result`, cast to FLOAT: `[N, outputs]`, or `[N]` for None."""
        self.add("Cast", [result], out=_OUT, to=TensorProto.FLOAT)
        given = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", self._width])
        shape: list[str | int] = ["N"] if outputs is None else ["N", outputs]
        made = helper.make_tensor_value_info(_OUT, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "family", [given], [made], self.constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
        onnx.checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content
