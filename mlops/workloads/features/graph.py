"""Write encoders as an ONNX graph.

Lives here: build_graph, and Graph, which runs one.
Not here: learning the encoders (fit), what one column needs (transforms).
Law: the graph is the only implementation of an encoding; DOUBLE inside, one cast to FLOAT at each column's end; equal
encoders, equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper

from mlops.config.schema.families.encoding import Encoding
from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.columns import DTYPES
from mlops.workloads.features.encoder import EncodedColumn, Encoder

OPSET, ML_OPSET, IR = 18, 4, 10
OUTPUT = "features"
_TENSOR = {"double": TensorProto.DOUBLE, "string": TensorProto.STRING, "int64": TensorProto.INT64,
           "uint8": TensorProto.UINT8}  # fmt: skip


def build_graph(encoders: Sequence[Encoder], encodings: Sequence[Encoding] = (Encoding.AMOUNTS,)) -> onnx.ModelProto:
    """Return the graph of all encoders. Inputs: each column, `[N, 1]`, or `[N, C, H, W]` of images. Output: `features`, `[N, W]` FLOAT: all columns in the
    first encoding, then all in the next."""
    builder = GraphBuilder([encoder.column for encoder in encoders])
    parts = [_add(encoder, encoding, builder) for encoding in encodings for encoder in encoders]
    builder.add("Concat", parts, out=OUTPUT, axis=1)
    width = len(encoded_columns(encoders, encodings))
    inputs = [helper.make_tensor_value_info(e.column, _TENSOR[DTYPES[e.type]], ["N", *e.input_shape]) for e in encoders]
    output = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", width])
    graph = helper.make_graph(builder.nodes, "features", inputs, [output], builder.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    onnx.checker.check_model(model)
    return model


def encoded_columns(encoders: Sequence[Encoder], encodings: Sequence[Encoding]) -> tuple[EncodedColumn, ...]:
    """Return what each number of `features` is, in its order."""
    found: list[EncodedColumn] = []
    for encoding in encodings:
        for encoder in encoders:
            amounts = (EncodedColumn(encoder.column),) * encoder.width
            columns = amounts if encoding is Encoding.AMOUNTS else encoder.coded
            found += [replace(column, encoding=encoding) for column in columns]
    return tuple(found)


def _add(encoder: Encoder, encoding: Encoding, builder: GraphBuilder) -> str:
    return encoder.add_nodes(builder) if encoding is Encoding.AMOUNTS else encoder.add_codes(builder)


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
