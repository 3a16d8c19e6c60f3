"""Keep a model that is an ONNX graph already.

Lives here: FittedOnnx.
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
        renamed = onnx.ModelProto()
        renamed.CopyFrom(self._model)
        before = renamed.graph.output[0].name
        renamed.graph.output[0].name = output
        for node in renamed.graph.node:
            node.output[:] = [output if name == before else name for name in node.output]
            node.input[:] = [output if name == before else name for name in node.input]
        return renamed
