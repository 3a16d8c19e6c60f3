"""Read a prepared data set for training.

Lives here: PreparedData and labels.
Not here: making it (data), encoding (features).
Law: classes are the train split's, in sorted order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mlops.metrics.task import Task
from mlops.workloads.features.columns import feature_types, image_forms, read_columns
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
    def label(self) -> str:
        label = self.schema["label"]
        if label is None:
            raise failed("no label", f"Data set {self.folder.name} names no `label`, so there is nothing to predict.")
        return str(label)

    @property
    def types(self) -> dict[str, str]:
        return feature_types(self.schema)

    def columns(self, split: str) -> dict[str, npt.NDArray[Any]]:
        return read_columns(self.folder / f"{split}.parquet", self.types, image_forms(self.schema))

    def raw(self, split: str) -> pa.Table:
        return pq.read_table(self.folder / f"{split}.parquet")

    def labels(self, split: str) -> list[Any]:
        labels: list[Any] = pq.read_table(self.folder / f"{split}.parquet", columns=[self.label])[
            self.label
        ].to_pylist()
        return labels


def classes_of(task: Task, labels: list[Any]) -> list[Any]:
    if task is Task.REGRESSION:
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
    if task is Task.REGRESSION:
        return np.asarray(labels, dtype=np.float32)
    places = {value: index for index, value in enumerate(classes)}
    unknown = {label for label in labels if label not in places}
    if unknown:
        raise failed(
            "label of an unknown class", f"{sorted(map(str, unknown))[:5]} are in a later split and not in train."
        )
    return np.asarray([places[label] for label in labels], dtype=np.float32 if task is Task.BINARY else np.int64)
