"""The default for tables: trees beside a linear model, in one graph from raw rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.graph import Graph
from mlops.workloads.training.description import Description
from mlops.workloads.training.export import export
from mlops.workloads.training.families.family import family_named
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset
from tests.workloads.test_trees import TASKS, model, strange_rows, summary


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize(("task", "label", "metric", "least"), TASKS)
def test_auto_is_one_graph_of_trees_and_a_linear_model(
    project: Path, monkeypatch: pytest.MonkeyPatch, *, task: str, label: str, metric: str, least: float, folded: bool
) -> None:
    if not folded:
        monkeypatch.setattr("mlops.workloads.training.families.auto._FOLDED_ROWS", 10)
    say_dataset(project, label=label)
    prepare("rows")
    metrics = model(project, {"name": "auto"}, task=task)
    assert metrics[metric] > least
    weights = summary(project)["weights"]
    assert weights["linear"] >= 0
    assert weights["trees"] > 0
    folder = project / "models/m/train"
    fitted = family_named("auto").load(folder, Description.read(folder))
    columns = strange_rows(project)
    expected = fitted.predict(Graph((folder / "features.onnx").read_bytes())(columns))
    got = Graph((project / "models/m/export/model.onnx").read_bytes())(columns)
    assert np.abs(got - expected).max() < 1e-5
    first = {path: path.read_bytes() for path in (project / "models/m").rglob("*") if path.is_file()}
    for stage in (train, export):
        stage("m")
    assert {path: path.read_bytes() for path in first} == first
