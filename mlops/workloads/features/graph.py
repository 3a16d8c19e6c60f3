"""Write encoders as an ONNX graph.

Lives here: build_graph, and Graph, which runs one.
Not here: learning the encoders (fit), what one column needs (transforms).
Law: the graph is the only encoding there is; DOUBLE inside, one cast to FLOAT at each column's end; equal encoders, equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper

from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.columns import DTYPES
from mlops.workloads.features.encoder import Encoder

OPSET, ML_OPSET, IR = 18, 4, 10
OUTPUT = "features"
_TENSOR = {"double": TensorProto.DOUBLE, "string": TensorProto.STRING, "int64": TensorProto.INT64,
           "uint8": TensorProto.UINT8}  # fmt: skip


def build_graph(encoders: Sequence[Encoder]) -> onnx.ModelProto:
    """Return the graph of all encoders. Inputs: each column, `[N, 1]`, or `[N, C, H, W]` of images. Output: `features`, `[N, W]` FLOAT."""
    builder = GraphBuilder()
    parts = [encoder.add_nodes(builder) for encoder in encoders]
    builder.add("Concat", parts, out=OUTPUT, axis=1)
    width = sum(encoder.width for encoder in encoders)
    inputs = [helper.make_tensor_value_info(e.column, _TENSOR[DTYPES[e.type]], ["N", *e.input_shape]) for e in encoders]
    output = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", width])
    graph = helper.make_graph(builder.nodes, "features", inputs, [output], builder.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    onnx.checker.check_model(model)
    return model


class Graph:
    """A graph that runs on columns and gives its first output. One thread: the order of a sum does not vary."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._inputs = {node.name for node in self._session.get_inputs()}

    def __call__(self, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Return the first output for these columns; columns that the graph does not take are left aside."""
        wanted = {name: values for name, values in columns.items() if name in self._inputs}
        result: npt.NDArray[np.float32] = self._session.run(None, wanted)[0]
        return result
