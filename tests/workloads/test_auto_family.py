"""The default for tables: trees beside a linear model, in one graph from raw rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.graph import Graph
from mlops.workloads.training.description import Description
from mlops.workloads.training.export import export
from mlops.workloads.training.families.auto import weigh
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


@pytest.mark.parametrize(("rows", "curve", "is_alone"), [(100, 0.2, True), (100, 2.0, False), (5_000, 0.2, False)])
def test_trees_count_only_where_their_gain_is_no_chance(rows: int, curve: float, is_alone: bool) -> None:
    draw = np.random.default_rng(3)
    line, bend, noise = draw.normal(size=(3, rows))
    held_out = np.stack([line, line + curve * bend + 0.5 * noise], axis=1)[:, :, None]
    truth = line + curve * bend + draw.normal(size=rows)
    weights, bias = weigh(held_out, truth, Task.REGRESSION)
    assert (weights.tolist() == [1.0, 0.0]) is is_alone
    assert bias.shape == (1,)
