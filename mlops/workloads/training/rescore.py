"""Measure a served model on another data set.

Lives here: the program that a gate against `live` runs.
Not here: judging.
Law: the served file is run as it is, on the raw rows of the candidate's test split.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.contracts.codec import convert
from mlops.contracts.stage_params import EvaluateParams
from mlops.metrics.task import Task
from mlops.workloads.features.columns import read_columns
from mlops.workloads.features.graph import Graph
from mlops.workloads.features.images import ImageForm
from mlops.workloads.stage import failed, write_json
from mlops.workloads.training.data import PreparedData, truth_of
from mlops.workloads.training.decision import EVEN
from mlops.workloads.training.evaluation.own_metrics import own_metrics_of
from mlops.workloads.training.evaluation.slices import Measuring, sliced
from mlops.workloads.training.unlabelled import served_truth


def rescore(
    model: Path, dataset: str, root: Path = Path(), *, evaluate: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return metrics of the test split, and of its slices. `evaluate`: the candidate's section of that name."""
    params = convert(EvaluateParams, dict(evaluate or {}))
    contract = json.loads((model / "contract.json").read_text())
    task = Task(contract["task"])
    data = PreparedData.open(dataset, root)
    there = {column["name"]: column["type"] for column in data.schema["columns"]}
    wanted = {column["name"]: column["type"] for column in contract["columns"]}
    missing = [name for name in wanted if name not in there]
    if missing:
        raise failed(
            "live model cannot be compared",
            f"The live model needs {', '.join(missing)}, which data set {dataset} has no more. Take the gate against live "
            "out for this change.",
        )
    forms = {column["name"]: ImageForm.of(column) for column in contract["columns"] if "image" in column}
    columns = read_columns(data.folder / "test.parquet", wanted, forms)
    graph = (model / "model.onnx").read_bytes()
    predicted = Graph(graph)(columns)
    if task.is_labelled:
        truth = truth_of(task, data, "test", contract["classes"])
    else:
        truth = served_truth(contract, data, columns, graph)
    measuring = Measuring(task, float(contract.get("threshold", EVEN)), own_metrics_of(params.metrics, task))
    metrics: dict[str, Any] = {f"test_{key}": value for key, value in measuring.values(truth, predicted).items()}
    if params.slices:
        metrics |= sliced(data.raw("test"), params.slices, measuring, truth, predicted)
    return metrics


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text())
    sys.path.insert(1, str(Path.cwd()))
    metrics = rescore(Path(config["model"]), config["dataset"], evaluate=config.get("evaluate"))
    write_json(Path(config["out"]), metrics)


if __name__ == "__main__":
    main()
