"""Write what explanations of predictions need.

Lives here: write_explainer, for an export: explain.json, and explain.npz and features.onnx where the family adds up exactly.
Not here: what adds up in a family (families), explaining a row (serving.explain).
Law: equal models give equal bytes; a model of images or of several numbers is not explained, and has no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pyarrow as pa

from mlops.metrics.task import Task
from mlops.workloads.features.graph import OUTPUT, Graph
from mlops.workloads.stage import write_json
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.plain_rows import plain_rows

if TYPE_CHECKING:
    from mlops.workloads.training.families.family import Fitted

BACKGROUND_ROWS = 64
"""Rows of the train split that a row is compared with where nothing adds up exactly."""
EXPLAINED = frozenset({Task.BINARY, Task.MULTICLASS, Task.REGRESSION, Task.ANOMALY})
_EXACT_SCALES = {Task.BINARY: "log-odds", Task.MULTICLASS: "logit"}
_SCALES = {Task.BINARY: "probability", Task.MULTICLASS: "probability", Task.ANOMALY: "score"}


def write_explainer(
    out: Path, fitted: Fitted, features: onnx.ModelProto, data: PreparedData, task: Task
) -> None:  # fmt: skip
    """Write the files into the folder of an export. `features`: the graph from raw columns to what the family reads."""
    if task not in EXPLAINED or "image" in data.types.values():
        return
    terms = fitted.exact_terms(TrainRows(features, data))
    if terms is None:
        scale = _SCALES.get(task, "prediction")
        write_json(out / "explain.json", {"form": "sampled", "scale": scale, "background": background(data)})
        return
    scale = _EXACT_SCALES.get(task, "prediction")
    write_json(out / "explain.json", {"form": "exact", "scale": scale})
    arrays = {**terms.arrays, "column_of": np.asarray(terms.column_of, dtype=np.int32)}
    np.savez(out / "explain.npz", **dict(sorted(arrays.items())))  # type: ignore[arg-type]
    (out / "features.onnx").write_bytes(features.SerializeToString(deterministic=True))


class TrainRows:
    """The train split as a family reads it, encoded where somebody asks for it."""

    def __init__(self, features: onnx.ModelProto, data: PreparedData) -> None:
        self._features, self._data = features, data

    def encoded(self) -> npt.NDArray[np.float32]:
        """Return the rows, `[N, width]`."""
        return Graph(self._features.SerializeToString(deterministic=True))(self._data.columns("train"))

    def column_of(self) -> tuple[int, ...] | None:
        """Return for each number of a row the place of its raw column; None where some are made of several columns."""
        return _column_of(self._features, list(self._data.types), self._data)


def background(data: PreparedData) -> Sequence[Mapping[str, Any]]:
    """Return rows of the train split, spread over it."""
    raw = data.raw("train").select(list(data.types))
    places = np.unique(np.linspace(0, raw.num_rows - 1, min(BACKGROUND_ROWS, raw.num_rows)).astype(int))
    return plain_rows(raw.take(pa.array(places)))


def _column_of(features: onnx.ModelProto, columns: Sequence[str], data: PreparedData) -> tuple[int, ...] | None:
    graph = features.graph
    made = {output: node for node in graph.node for output in node.output}
    parts = list(made[OUTPUT].input)
    shown = onnx.ModelProto()
    shown.CopyFrom(features)
    shown.graph.output.extend(onnx.helper.make_empty_tensor_value_info(part) for part in dict.fromkeys(parts))
    session = onnxruntime.InferenceSession(shown.SerializeToString(), providers=["CPUExecutionProvider"])
    one = {name: values[:1] for name, values in data.columns("train").items()}
    taken = {node.name for node in session.get_inputs()}
    widths = session.run(list(parts), {name: values for name, values in one.items() if name in taken})
    found: list[int] = []
    for part, value in zip(parts, widths, strict=True):
        sources = _sources(part, made, frozenset(columns))
        if len(sources) != 1:
            return None
        found += [columns.index(sources.pop())] * int(value.shape[1])
    return tuple(found)


def _sources(name: str, made: Mapping[str, onnx.NodeProto], columns: frozenset[str]) -> set[str]:
    """Return the raw columns that a tensor is made of."""
    found: set[str] = set()
    waiting, seen = [name], {name}
    while waiting:
        tensor = waiting.pop()
        if tensor in columns:
            found.add(tensor)
            continue
        for other in made[tensor].input if tensor in made else ():
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return found
