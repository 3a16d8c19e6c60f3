"""Measure a model.

Lives here: evaluate, the whole of the stage: metrics, slices, plots.
Not here: judging (kinds).
Law: measures what training predicted; needs no torch.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops.contracts.codec import convert
from mlops.contracts.stage_params import EvaluateParams
from mlops.metrics.task import Task
from mlops.workloads.metrics.measure import measure
from mlops.workloads.stage import failed, read_params, say, write_json
from mlops.workloads.training.data import PreparedData, truth_of
from mlops.workloads.training.description import Description
from mlops.workloads.training.evaluation.plots import plots_of
from mlops.workloads.training.unlabelled import trained_truth

_MOST_SLICES = 200


def evaluate(name: str, *, root: Path = Path()) -> None:
    """Write metrics/model/NAME.json and plots/model/NAME/."""
    params = convert(EvaluateParams, read_params("model", name)["evaluate"])
    folder = root / "models" / name / "train"
    description = Description.read(folder)
    task = description.task
    data = PreparedData.open(description.dataset, root)
    predictions = pq.read_table(folder / "predictions.parquet")
    metrics: dict[str, Any] = {}
    for split in ("val", "test"):
        if task.is_labelled:
            truth = truth_of(task, data, split, list(description.classes))
        else:
            truth = trained_truth(task, data, split, folder)
        predicted = predictions_of(predictions, split)
        metrics |= {f"{split}_{key}": value for key, value in measure(task, truth, predicted, split=split).items()}
    if params.slices:
        metrics["slices"] = slices(task, data.raw("test"), list(params.slices), truth, predicted)
    write_json(root / "metrics" / "model" / f"{name}.json", metrics)
    plots = root / "plots" / "model" / name
    shutil.rmtree(plots, ignore_errors=True)
    plots.mkdir(parents=True)
    if logged := json.loads((folder / "history.json").read_text()):
        write_json(plots / "loss.json", logged)
    for plot, points in plots_of(task, truth, predicted).items():
        write_json(plots / f"{plot}.json", points)
    say("measured", 1.0)


def predictions_of(table: pa.Table, split: str) -> np.ndarray[Any, Any]:
    column = table.filter(pc.equal(table["split"], split))["prediction"]
    if pa.types.is_list(column.type):
        return np.asarray(column.to_pylist(), dtype=np.float32)
    values: np.ndarray[Any, Any] = column.to_numpy()
    return values


def slices(task: Task, raw: pa.Table, columns: list[str], truth: Any, predicted: Any) -> dict[str, Any]:
    """Return column -> value -> metrics and rows, of the test split; at most 200 values, the most frequent."""
    out: dict[str, Any] = {}
    for column in columns:
        if column not in raw.column_names:
            raise failed(
                "no such column", f"`slices` names `{column}`; the data set has {', '.join(raw.column_names)}."
            )
        values = np.asarray([str(value) for value in raw[column].to_pylist()], dtype=object)
        names, counts = np.unique(values.astype(str), return_counts=True)
        most = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda p: (-p[1], p[0]))[:_MOST_SLICES]
        out[column] = {}
        for value, count in sorted(most):
            chosen = values == value
            out[column][value] = {**measure(task, truth[chosen], predicted[chosen]), "rows": count}
    return out
