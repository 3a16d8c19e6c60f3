"""Learn, and measure, without a label.

Lives here: enough_rows, what families ask of the train split; names_of, what the numbers of a prediction stand for;
unlabelled_truth, what predictions are held against.
Not here: the families (families), the metrics (workloads.metrics).
Law: a label that the data set has is never learned from; it only measures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from mlops.metrics.task import Task
from mlops.workloads.features.graph import OUTPUT, Graph
from mlops.workloads.metrics.unlabelled import Unlabelled
from mlops.workloads.stage import failed
from mlops.workloads.training.data import PreparedData

NO_CLASSES = (False, True)
"""What stands for usual and for flagged where the data set has no label."""


def enough_rows(count: int, needed: int, field: str) -> None:
    if count < needed:
        raise failed(
            "too few rows",
            f"The train split has {count:,} rows, and {field} needs {needed:,}. Get more rows, or lower it.",
        )


def label_classes(task: Task, data: PreparedData) -> list[Any]:
    """Return the two classes of the label that an anomaly score is measured by, the second of which is the anomaly; the empty
    list for other tasks. Raises MlopsError."""
    if task is not Task.ANOMALY:
        return []
    if data.schema["label"] is None:
        return list(NO_CLASSES)
    classes = sorted({label for split in ("train", "val", "test") for label in data.labels(split)})
    if len(classes) != 2:
        raise failed(
            "label does not fit the task",
            f"Scores of anomalies are measured by a label of two values, of which the second says anomaly, and `{data.label}` "
            f"has {len(classes)}: {classes[:10]}. Write a condition in the SQL, or take `label` out.",
        )
    return classes


def names_of(task: Task, classes: Sequence[Any], predictions: npt.NDArray[Any]) -> list[Any]:
    """Return the numbers of clusters or of components, from 0; for other tasks the classes."""
    if task in (Task.CLUSTERING, Task.REDUCTION):
        return list(range(predictions.shape[1]))
    return list(classes)


def scale_of(summary: Mapping[str, Any]) -> float | None:
    """Return the number of the model that its metrics need, see Unlabelled. `summary`: of the training."""
    if summary.get("output") in ("distances", "probabilities"):
        return -1.0 if summary["output"] == "distances" else 1.0
    scale = summary.get("error_scale")
    return None if scale is None else float(scale)


def trained_truth(task: Task, data: PreparedData, split: str, folder: Path) -> npt.NDArray[Any]:
    """Return what the predictions of a split are held against. `folder`: what `train` wrote."""
    scale = scale_of(json.loads((folder / "summary.json").read_text()))
    return unlabelled_truth(task, data, split, scale=scale, graph=(folder / "features.onnx").read_bytes())


def served_truth(
    contract: Mapping[str, Any], data: PreparedData, columns: Mapping[str, Any], model: bytes
) -> npt.NDArray[Any]:
    """Return the same of a model that is served, by the features that it makes itself. `columns`: of the test split."""
    scale, task = contract.get("scale"), Task(contract["task"])
    return unlabelled_truth(task, data, "test", scale=scale, graph=_features_of(model), columns=columns)


def unlabelled_truth(
    task: Task, data: PreparedData, split: str, *, scale: float | None, graph: bytes | None,
    columns: Mapping[str, Any] | None = None,
) -> npt.NDArray[Any]:  # fmt: skip
    """`graph`: makes features; None where they cannot be had."""
    given = data.columns(split) if columns is None else columns
    count = len(next(iter(given.values())))
    features = np.empty((count, 0))
    if task is not Task.ANOMALY and graph is not None:
        features = Graph(graph)(given).astype(np.float64)
    return Unlabelled(_labels(task, data, split, count), np.nan if scale is None else scale, features).as_truth()


def _labels(task: Task, data: PreparedData, split: str, count: int) -> npt.NDArray[np.float64]:
    if data.schema["label"] is None or task is Task.REDUCTION:
        return np.full(count, np.nan)
    places = label_classes(task, data) or sorted(set(data.labels(split)), key=str)
    numbers = {label: float(place) for place, label in enumerate(places)}
    return np.array([numbers[label] for label in data.labels(split)])


def _features_of(model: bytes) -> bytes | None:
    """Return the graph with its features as the first output; None where it has none of that name."""
    graph = onnx.load_from_string(model)
    if not any(OUTPUT in node.output for node in graph.graph.node):
        return None
    made = helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, None)
    del graph.graph.output[:]
    graph.graph.output.append(made)
    content: bytes = graph.SerializeToString()
    return content
