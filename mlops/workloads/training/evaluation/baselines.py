"""Measure what a model must beat.

Lives here: baselines_of: the trivial one, and a linear one on the features of the model; sampled_columns.
Not here: which task has which (mlops.metrics.baseline), the gate (kinds).
Law: both learn from the train split and are measured on the rows of the test split; what is learned from is bounded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops.metrics.baseline import BASELINES, LINEAR, TRIVIAL
from mlops.metrics.task import Task
from mlops.workloads.features.columns import image_forms, to_inputs
from mlops.workloads.features.graph import Graph
from mlops.workloads.metrics.intervals import drawn_rows
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.evaluation.slices import Measuring

_LEARNED_ROWS, _MEASURED_ROWS = 20_000, 100_000
_MOST_NUMBERS = 10_000_000
"""Rows times features of the linear baseline; where a row has so many features that fewer than 200 rows are left, there is none."""
_FEWEST, _MOST_CLASSES = 200, 100
_STEPS = 100
_DIGITS = 4


@dataclass(frozen=True)
class Splits:
    """What a baseline learns from and is measured on. `train` and `test`: labels as metrics take them. `features`: a graph
    of the model's features as amounts, empty where there is none."""

    data: PreparedData
    features: bytes
    train: Array
    test: Array
    classes: int

    def x(self, split: str, places: Array) -> Array:
        return Graph(self.features)(sampled_columns(self.data, split, places))


def sampled_columns(data: PreparedData, split: str, places: Array) -> dict[str, Array]:
    """Return some rows of a split as the feature graph takes them."""
    table = pq.read_table(data.folder / f"{split}.parquet", columns=list(data.types)).take(places)
    return to_inputs(table, data.types, image_forms(data.schema))


def baselines_of(splits: Splits, measuring: Measuring) -> dict[str, dict[str, float]]:
    """Return baseline -> metrics, and `rows` where they are not all rows."""
    makers: Mapping[str, Callable[[Splits, Measuring], dict[str, float]]] = {TRIVIAL: _trivial, LINEAR: _linear}
    found = {name: makers[name](splits, measuring) for name in BASELINES.get(measuring.task, ())}
    return {name: metrics for name, metrics in found.items() if metrics}


def _trivial(splits: Splits, measuring: Measuring) -> dict[str, float]:
    even = Measuring(measuring.task, own=measuring.own)
    if measuring.task is Task.FORECASTING:
        return _named(even.values(splits.test, splits.test[:, splits.classes :]))
    made = _SAME[measuring.task](splits.train, splits.classes)
    return _named(even.values(splits.test, np.repeat(np.asarray(made)[None], len(splits.test), axis=0)))


def _linear(splits: Splits, measuring: Measuring) -> dict[str, float]:
    width = _width(splits.features)
    rows = min(_LEARNED_ROWS, _MOST_NUMBERS // max(width, 1))
    if not width or rows < _FEWEST or splits.classes > _MOST_CLASSES:
        return {}
    learned = drawn_rows(len(splits.train), rows)
    y = splits.train[learned]
    if measuring.task is Task.FORECASTING:
        y = y[:, : splits.classes]
    elif measuring.task is not Task.REGRESSION and len(np.unique(y)) < max(2, splits.classes):
        return {}
    measured = drawn_rows(len(splits.test), min(_MEASURED_ROWS, _MOST_NUMBERS // width))
    chooser = make_pipeline(StandardScaler(), _LINEAR[measuring.task]())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        chooser.fit(splits.x("train", learned), y)
    predicted = _PREDICT[measuring.task](chooser, splits.x("test", measured))
    even = Measuring(measuring.task, own=measuring.own)
    values = {name: round(value, _DIGITS) for name, value in even.values(splits.test[measured], predicted).items()}
    return {**_named(values), **({"rows": len(measured)} if len(measured) < len(splits.test) else {})}


def _named(values: Mapping[str, float]) -> dict[str, float]:
    return {f"test_{name}": value for name, value in values.items()}


def _width(features: bytes) -> int:
    if not features:
        return 0
    import onnx

    return int(onnx.load_from_string(features).graph.output[0].type.tensor_type.shape.dim[1].dim_value)


_SAME: Mapping[Task, Callable[[Array, int], Any]] = {
    Task.BINARY: lambda train, classes: float(np.mean(train)),
    Task.MULTICLASS: lambda train, classes: np.bincount(train, minlength=classes) / len(train),
    Task.REGRESSION: lambda train, classes: float(np.mean(train, dtype=np.float64)),
    Task.MULTILABEL: lambda train, classes: train.mean(axis=0, dtype=np.float64),
    Task.QUANTILE: lambda train, classes: np.quantile(train[:, 0], train[0, 1:]),
}
"""What is answered to every row."""
_LINEAR: Mapping[Task, Callable[[], Any]] = {
    Task.BINARY: lambda: LogisticRegression(max_iter=_STEPS),
    Task.MULTICLASS: lambda: LogisticRegression(max_iter=_STEPS),
    Task.REGRESSION: Ridge,
    Task.FORECASTING: Ridge,
}
_PREDICT: Mapping[Task, Callable[[Any, Array], Array]] = {
    Task.BINARY: lambda learned, x: learned.predict_proba(x)[:, 1],
    Task.MULTICLASS: lambda learned, x: learned.predict_proba(x),
    Task.REGRESSION: lambda learned, x: learned.predict(x),
    Task.FORECASTING: lambda learned, x: learned.predict(x),
}
