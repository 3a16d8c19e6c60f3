"""Write a model as an ONNX graph.

Lives here: GraphWriter, with which families write their graph themselves; FittedGraph, a model that was written so.
Not here: what a graph computes (the families), keeping it (fitted_onnx).
Law: in the process that trained, it predicts as the library did that trained it, so that `export` holds the graph against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.graph import IR, ML_OPSET, OPSET
from mlops.workloads.training.families.family import INPUT
from mlops.workloads.training.families.fitted_onnx import FittedOnnx

_OUT = "prediction"
Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]


class FittedGraph(FittedOnnx):
    """`own`: how the library predicts that trained it, in the process that trained."""

    def __init__(
        self, model: onnx.ModelProto, *, own: Predict | None = None, summary: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(model)
        self._own = own
        self.summary = summary or {}

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        return super().predict(x) if self._own is None else self._own(x).astype(np.float32)


class GraphWriter(GraphBuilder):
    """Writes what a family computes, in DOUBLE. `width`: how many features there are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width
        self.x = self.add("Cast", [INPUT], to=TensorProto.DOUBLE)

    def finish(self, result: str, outputs: int | None) -> onnx.ModelProto:
        """Return the graph whose output is `result`, cast to FLOAT: `[N, outputs]`, or `[N]` for None."""
        self.add("Cast", [result], out=_OUT, to=TensorProto.FLOAT)
        given = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", self._width])
        shape: list[str | int] = ["N"] if outputs is None else ["N", outputs]
        made = helper.make_tensor_value_info(_OUT, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "family", [given], [made], self.constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
        onnx.checker.check_model(model)
        return model
