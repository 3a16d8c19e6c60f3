"""Write encoders as an ONNX graph.

Lives here: build_graph, and Graph, which runs one.
Not here: learning the encoders (fit).
Law: the graph is the only encoding there is; DOUBLE inside, one cast to FLOAT at each column's end; equal encoders, equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from mlops.workloads.features.columns import DTYPES, MISSING_INT
from mlops.workloads.features.fit import Encoder

OPSET, ML_OPSET, IR = 18, 4, 10
OUTPUT = "features"
_TENSOR = {"double": TensorProto.DOUBLE, "string": TensorProto.STRING, "int64": TensorProto.INT64}


def build_graph(encoders: Sequence[Encoder]) -> onnx.ModelProto:
    """Inputs: each column, `[N, 1]`. Output: `features`, `[N, W]` FLOAT."""
    builder = _Builder()
    parts = [builder.encode(encoder) for encoder in encoders]
    builder.add("Concat", parts, out=OUTPUT, axis=1)
    width = sum(encoder.width for encoder in encoders)
    inputs = [helper.make_tensor_value_info(e.column, _TENSOR[DTYPES[e.type]], ["N", 1]) for e in encoders]
    output = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", width])
    graph = helper.make_graph(builder.nodes, "features", inputs, [output], builder.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
    onnx.checker.check_model(model)
    return model


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._known: dict[bytes, str] = {}

    def add(
        self, op: str, inputs: Sequence[str], *, out: str | None = None, domain: str = "", **attributes: Any
    ) -> str:
        name = out or f"f{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], domain=domain, **attributes))
        return name

    def const(self, value: Any, dtype: Any = np.float64) -> str:
        array = np.asarray(value, dtype=dtype)
        key = array.dtype.str.encode() + repr(array.shape).encode() + array.tobytes()
        if key not in self._known:
            self._known[key] = f"c{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def encode(self, encoder: Encoder) -> str:
        """The column's `width` numbers, `[N, width]` FLOAT."""
        if encoder.kind == "categorical" and encoder.type == "string":
            return self._texts(encoder)
        match encoder.kind:
            case "numeric":
                told = self._numeric(encoder)
            case "categorical":
                told = self._values(encoder)
            case "cyclic":
                told = self._cyclic(encoder)
            case _:
                value, missing = self._number(encoder)
                told = self.add("Where", [missing, self.const(0.0), value])
        return self.add("Cast", [told], to=TensorProto.FLOAT)

    def _number(self, encoder: Encoder) -> tuple[str, str]:
        """The clipped value, NaN where it is missing still, and whether it is."""
        value = encoder.column
        if DTYPES[encoder.type] == "int64":
            gone = self.add("Equal", [value, self.const(MISSING_INT, np.int64)])
            value = self.add("Where", [gone, self.const(math.nan), self.add("Cast", [value], to=TensorProto.DOUBLE)])
        missing = self.add("IsNaN", [self.add("Cast", [value], to=TensorProto.FLOAT)])
        if encoder.clip is not None:
            low, high = encoder.clip
            value = self.add("Clip", [value, self.const(low), self.const(high)])
            value = self.add("Where", [missing, self.const(math.nan), value])
        return value, missing

    def _numeric(self, encoder: Encoder) -> str:
        value, missing = self._number(encoder)
        filled = self.add("Where", [missing, self.const(encoder.fill), value])
        scaled = self.add("Div", [self.add("Sub", [filled, self.const(encoder.center)]), self.const(encoder.scale)])
        if not encoder.flag:
            return scaled
        return self.add("Concat", [scaled, self.add("Cast", [missing], to=TensorProto.DOUBLE)], axis=1)

    def _cyclic(self, encoder: Encoder) -> str:
        value, missing = self._number(encoder)
        if encoder.fill is not None:
            value = self.add("Where", [missing, self.const(encoder.fill), value])
            missing = self.add("IsNaN", [self.add("Cast", [value], to=TensorProto.FLOAT)])
        angle = self.add("Mul", [value, self.const(2 * math.pi / encoder.period)])
        both = self.add("Concat", [self.add("Sin", [angle]), self.add("Cos", [angle])], axis=1)
        return self.add("Where", [missing, self.const(0.0), both])

    def _texts(self, encoder: Encoder) -> str:
        places = {text: index for index, text in enumerate(encoder.categories)}
        unseen = len(places)
        keys = dict(places) | {raw: places.get(text, unseen) for raw, text in encoder.renames}
        index = self.add(
            "LabelEncoder", [encoder.column], domain="ai.onnx.ml", keys_strings=list(keys),
            values_int64s=list(keys.values()), default_int64=unseen,
        )  # fmt: skip
        hot = self.add("OneHot", [index, self.const(unseen + 1, np.int64), self.const([0.0, 1.0], np.float32)], axis=-1)
        return self.add("Reshape", [hot, self.const([-1, unseen + 1], np.int64)])

    def _values(self, encoder: Encoder) -> str:
        value, missing = self._number(encoder)
        if encoder.fill is not None:
            value = self.add("Where", [missing, self.const(encoder.fill), value])
        known = [category for category in encoder.categories if category == category]
        hot = self.add("Cast", [self.add("Equal", [value, self.const([known])])], to=TensorProto.DOUBLE)
        parts = [hot]
        if len(known) < len(encoder.categories):
            parts.append(self.add("Cast", [missing], to=TensorProto.DOUBLE))
        seen = self.add("Concat", parts, axis=1) if len(parts) > 1 else hot
        total = self.add("ReduceSum", [seen, self.const([1], np.int64)], keepdims=1)
        return self.add("Concat", [seen, self.add("Sub", [self.const(1.0), total])], axis=1)


class Graph:
    """Runs a graph on columns and gives its first output. One thread: the order of a sum does not vary."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

        self._inputs = {told.name for told in self._session.get_inputs()}

    def __call__(self, columns: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Columns that the graph does not take are left aside."""
        wanted = {name: values for name, values in columns.items() if name in self._inputs}
        told: npt.NDArray[np.float32] = self._session.run(None, wanted)[0]
        return told
