"""Measure a served model on another data set.

Lives here: the program that a gate against `live` runs.
Not here: judging.
Law: the served file is run as it is, on the raw rows of the candidate's test split.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mlops.metrics.task import Task
from mlops.workloads.features.columns import read_columns
from mlops.workloads.features.graph import Graph
from mlops.workloads.metrics.measure import measure
from mlops.workloads.stage import failed, write_json
from mlops.workloads.training.data import PreparedData, truth_of
from mlops.workloads.training.unlabelled import served_truth


def rescore(model: Path, dataset: str, root: Path = Path()) -> dict[str, Any]:
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
    columns, graph = read_columns(data.folder / "test.parquet", wanted), (model / "model.onnx").read_bytes()
    predicted = Graph(graph)(columns)
    if task.is_labelled:
        truth = truth_of(task, data, "test", contract["classes"])
    else:
        truth = served_truth(contract, data, columns, graph)
    return {f"test_{key}": value for key, value in measure(task, truth, predicted).items()}


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text())
    write_json(Path(config["out"]), rescore(Path(config["model"]), config["dataset"]))


if __name__ == "__main__":
    main()
