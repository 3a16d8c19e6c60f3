"""An ensemble: what it reads, how it weighs, and its one graph from raw rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.graph import Graph
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.export import export
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model
from tests.workloads.test_trees import TASKS, strange_rows

MEMBERS: dict[str, dict[str, Any]] = {
    "trees": {"name": "boosted_trees", "trees": 40},
    "few": {"name": "random_forest", "trees": 3, "leaves": 2},
}


def make(name: str, task: str, architecture: dict[str, Any]) -> None:
    trainer = {} if architecture["name"] == "ensemble" else {"trainer": {"seed": 3}}
    say_model(Path(), name, **{"task": task, "architecture": architecture, "trainer": None, **trainer})
    for stage in (train, evaluate, export):
        stage(name)


def score(name: str, metric: str) -> float:
    return float(json.loads(Path(f"metrics/model/{name}.json").read_text())[metric])


@pytest.mark.parametrize(("task", "label", "metric", "least"), TASKS)
def test_ensemble_is_one_graph_from_raw_rows(project: Path, task: str, label: str, metric: str, least: float) -> None:
    say_dataset(project, label=label)
    prepare("rows")
    for name, architecture in MEMBERS.items():
        make(name, task, architecture)
    columns = strange_rows(project)
    members = np.stack(
        [Graph((project / f"models/{name}/export/model.onnx").read_bytes())(columns) for name in MEMBERS]
    )
    for how in ("mean", "stacked"):
        make(how, task, {"name": "ensemble", "of": list(MEMBERS), "how": how})
        assert score(how, metric) > least
        first = {path: path.read_bytes() for path in (project / "models" / how).rglob("*") if path.is_file()}
        for stage in (train, export):
            stage(how)
        assert {path: path.read_bytes() for path in first} == first
    got = {
        how: Graph((project / f"models/{how}/export/model.onnx").read_bytes())(columns) for how in ("mean", "stacked")
    }
    assert np.abs(got["mean"] - members.mean(axis=0)).max() < 1e-5
    summary = json.loads((project / "models/stacked/train/summary.json").read_text())
    assert summary["weights"]["trees"] > summary["weights"]["few"] >= 0
    assert summary["width"] == len(MEMBERS) * (3 if task == "multiclass" else 1)
    assert score("stacked", metric) >= score("few", metric)


def test_ensemble_without_a_member_is_an_error(project: Path) -> None:
    prepare("rows")
    make("trees", "binary", MEMBERS["trees"])
    with pytest.raises(
        MlopsError, match=r"names few, and models/few/export is not there. Make it: dvc repro export@few"
    ):
        make("both", "binary", {"name": "ensemble", "of": ["trees", "few"]})


def test_member_of_another_task_is_an_error(project: Path) -> None:
    prepare("rows")
    make("trees", "binary", MEMBERS["trees"])
    say_dataset(project, label="delay")
    prepare("rows")
    make("few", "regression", MEMBERS["few"])
    with pytest.raises(MlopsError, match=r"model\.trees does binary, and the ensemble regression"):
        make("both", "regression", {"name": "ensemble", "of": ["trees", "few"]})
