"""Read a prepared data set for training.

Lives here: PreparedData and labels.
Not here: making it (data), encoding (features).
Law: classes are the train split's, in sorted order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mlops.config.schema.window import Window
from mlops.metrics.task import Task
from mlops.workloads.features.columns import feature_types, image_forms, read_columns
from mlops.workloads.metrics.truth import as_measured
from mlops.workloads.stage import failed


@dataclass(frozen=True)
class PreparedData:
    folder: Path
    schema: dict[str, Any]

    @classmethod
    def open(cls, name: str, root: Path = Path()) -> PreparedData:
        folder = root / "data" / name
        try:
            return cls(folder, json.loads((folder / "schema.json").read_text()))
        except OSError as error:
            raise failed("no data set", f"{folder} is not there. Make it: dvc repro prepare@{name}") from error

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The columns to predict. Raises MlopsError where the data set names none."""
        label = self.schema["label"]
        if label is None:
            raise failed("no label", f"Data set {self.folder.name} names no `label`, so there is nothing to predict.")
        if self.window is not None:
            return self.window.ahead_columns(str(label))
        return (str(label),) if isinstance(label, str) else tuple(label)

    @property
    def window(self) -> Window | None:
        """How its rows are windows of a series; None where they are not."""
        return Window.model_validate(self.schema["window"]) if "window" in self.schema else None

    def naive(self, split: str) -> npt.NDArray[np.float64]:
        """Return the seasonal naive forecast of each window, `[N, ahead]`: what was one season before. A value that is missing
        is that of the time before it."""
        window = self.window
        assert window is not None
        names = window.past_columns(str(self.schema["label"]))
        table = pq.read_table(self.folder / f"{split}.parquet", columns=list(names))
        past = np.column_stack([table[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in names])
        for step in range(1, past.shape[1]):
            past[:, step] = np.where(np.isnan(past[:, step]), past[:, step - 1], past[:, step])
        past = np.nan_to_num(past)
        steps = np.arange(window.ahead) % window.season
        forecast: npt.NDArray[np.float64] = past[:, past.shape[1] - window.season + steps]
        return forecast

    @property
    def label(self) -> str:
        """The column to predict. Raises MlopsError where there is not one alone."""
        return self.label_columns[0] if len(self.label_columns) == 1 else self._many()

    def _many(self) -> str:
        raise failed(
            "label does not fit the task",
            f"Data set {self.folder.name} lists {len(self.label_columns)} labels, and this task predicts one. Name one column "
            "under `label`, or say `task: multilabel`.",
        )

    @property
    def types(self) -> dict[str, str]:
        return feature_types(self.schema)

    def columns(self, split: str) -> dict[str, npt.NDArray[Any]]:
        return read_columns(self.folder / f"{split}.parquet", self.types, image_forms(self.schema))

    def raw(self, split: str) -> pa.Table:
        return pq.read_table(self.folder / f"{split}.parquet")

    def labels(self, split: str) -> list[Any]:
        """Return the label of each row; of several columns, a list for each row."""
        columns = self.label_columns
        table = pq.read_table(self.folder / f"{split}.parquet", columns=list(columns))
        values = [table[column].to_pylist() for column in columns]
        return (
            values[0] if len(columns) == 1 and self.window is None else [list(row) for row in zip(*values, strict=True)]
        )

    def names(self, task: Task, levels: Sequence[float] = ()) -> list[Any]:
        """Return what the numbers of one prediction stand for: labels, or quantiles; empty where it is one number, or where
        they are the classes of the label. Raises MlopsError where the labels do not fit the task."""
        match task:
            case Task.MULTILABEL:
                if len(self.label_columns) < 2:
                    raise failed(
                        "label does not fit the task",
                        f"Task multilabel needs several label columns, and data set {self.folder.name} names one: "
                        f"`label: [{self.label_columns[0]}, …]`.",
                    )
                return list(self.label_columns)
            case Task.FORECASTING:
                if self.window is None:
                    raise failed(
                        "label does not fit the task",
                        f"Task forecasting needs windows of a series, and data set {self.folder.name} makes none. Say there "
                        "`window: { time: …, past: 28, ahead: 7 }`.",
                    )
                return list(self.label_columns)
            case _:
                return list(levels) if self.label else []

    def weights(self, split: str, column: str) -> npt.NDArray[np.float64]:
        """Return how much each row counts. Raises MlopsError where the column does not say it of each row."""
        columns = {one["name"] for one in self.schema["columns"]}
        if column not in columns:
            raise failed(
                "no such column", f"`loss.row_weights` names `{column}`; the data set has {', '.join(sorted(columns))}."
            )
        values = pq.read_table(self.folder / f"{split}.parquet", columns=[column])[column]
        try:
            weights: npt.NDArray[np.float64] = values.to_numpy().astype(np.float64)
        except (TypeError, ValueError):
            weights = np.full(len(values), np.nan)
        if not (weights >= 0).all() or not weights.any():
            raise failed(
                "weight that is none",
                f"`loss.row_weights` names `{column}`, which has rows in split {split} without a number of at least 0, or no row "
                "above 0. Fill it in the data set's `sql` or `clean`.",
            )
        return weights


def classes_of(task: Task, labels: list[Any]) -> list[Any]:
    """Return the classes of a label, in the order of their numbers; none where it is no class."""
    if task not in (Task.BINARY, Task.MULTICLASS):
        return []
    classes = sorted(set(labels))
    if task is Task.BINARY and len(classes) != 2:
        raise failed(
            "label does not fit the task",
            f"Task binary needs two classes, and the label has {len(classes)}: {classes[:10]}.",
        )
    if len(classes) > 10_000:
        raise failed("label does not fit the task", f"The label has {len(classes):,} values; did you mean regression?")
    return classes


def targets(task: Task, labels: list[Any], classes: list[Any]) -> npt.NDArray[Any]:
    """Return the labels as numbers: `[N]`, or `[N, K]` of several columns. Raises MlopsError for what is no label."""
    if task is Task.MULTILABEL:
        return _zeros_and_ones(labels, classes)
    if task not in (Task.BINARY, Task.MULTICLASS):
        return np.asarray(labels, dtype=np.float32)
    places = {value: index for index, value in enumerate(classes)}
    unknown = {label for label in labels if label not in places}
    if unknown:
        raise failed(
            "label of an unknown class", f"{sorted(map(str, unknown))[:5]} are in a later split and not in train."
        )
    return np.asarray([places[label] for label in labels], dtype=np.float32 if task is Task.BINARY else np.int64)


def truth_of(task: Task, data: PreparedData, split: str, classes: list[Any]) -> npt.NDArray[Any]:
    """Return the labels of a split as metrics take them. `classes`: those of the model."""
    return as_truth(task, data, split, classes, targets(task, data.labels(split), classes))


def as_truth(task: Task, data: PreparedData, split: str, classes: list[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return what `targets` gives of a split as metrics take it."""
    return as_measured(task, y, classes, data.naive(split) if task is Task.FORECASTING else None)


def _zeros_and_ones(labels: list[Any], names: list[Any]) -> npt.NDArray[Any]:
    for index, name in enumerate(names):
        others = sorted({str(row[index]) for row in labels if row[index] not in (0, 1)})
        if others:
            raise failed(
                "label does not fit the task",
                f"Task multilabel needs labels of 0 and 1, or of true and false, and `{name}` has {', '.join(others[:5])}. "
                f"Write a condition in the SQL: ({name} > 0) AS {name}.",
            )
    return np.asarray(labels, dtype=np.float32)
