"""Models that learn from no label: from rows to one file, measured, equal to what the library computes, served and watched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops.errors import MlopsError
from mlops.metrics.table import metrics_of
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.graph import Graph
from mlops.workloads.metrics.measure import measure
from mlops.workloads.metrics.unlabelled import Unlabelled
from mlops.workloads.monitoring.labels import Labels
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.families.anomaly_scale import boundary_of
from mlops.workloads.training.rescore import rescore
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model
from tests.workloads.vector_project import ModelLife, raw_rows

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "k_means": ("clustering", {"clusters": 3}),
    "gaussian_mixture": ("clustering", {"clusters": 3}),
    "isolation_forest": ("anomaly", {"trees": 20, "contamination": "5%"}),
    "autoencoder": ("anomaly", {"hidden": [8], "code": 2, "contamination": "5%"}),
    "pca": ("reduction", {"components": 3}),
}
ANSWERS = {
    "k_means": ["cluster", "distances"], "gaussian_mixture": ["cluster", "probabilities"],
    "isolation_forest": ["score", "flagged"], "autoencoder": ["score", "flagged"], "pca": ["components"],
}  # fmt: skip
STRANGE = {"number": None, "color": "violet", "size": 99, "hour": None, "flag": None}


def make(
    project: Path, family: str, *, label: str | None = None, **architecture: Any
) -> tuple[ModelLife, dict[str, Any]]:
    """Prepare rows, and run the stages of a model."""
    task, fields = FAMILIES[family]
    say_dataset(project, label=label)
    prepare("rows")
    life = ModelLife(project)
    trainer = {"max_epochs": 3, "batch_size": 64} if family == "autoencoder" else None
    return life, life.make(task=task, architecture={"name": family, **fields, **architecture}, trainer=trainer)


@pytest.mark.parametrize("family", FAMILIES)
def test_model_without_label_lives_from_rows_to_a_watched_answer(project: Path, family: str) -> None:
    """`export` itself compares the graph with what the library predicted for raw rows, nulls among them."""
    life, metrics = make(project, family)
    contract = life.contract
    assert contract["label"] is None
    assert {"test_silhouette", "test_share_flagged", "test_explained_variance"} & metrics.keys()
    assert not [name for name in metrics if "label" in name or "rand" in name]
    assert "baselines" not in metrics
    assert life.golden_difference() < 1e-4
    (answer,) = life.post("/predict", STRANGE)["predictions"]
    assert list(answer) == ANSWERS[family]
    assert None not in answer.values()
    again = rescore(life.export_folder, "rows")
    for name in ("silhouette", "share_flagged", "reconstruction_error", "explained_variance"):
        assert again.get(f"test_{name}") == pytest.approx(metrics.get(f"test_{name}"), abs=1e-5)
    rows = raw_rows(project, "train", [column["name"] for column in contract["columns"]], count=300)
    status = life.watch(rows, [True] * 300, metrics=metrics)
    assert status["rows"] == 300
    assert status["findings"] == []
    parts = {name: kind for name, kind in life.baseline()["kinds"].items() if name.startswith("(prediction")}
    assert parts == {
        "clustering": {"(prediction)": "text"}, "anomaly": {"(prediction)": "number"},
        "reduction": {f"(prediction {place})": "number" for place in range(3)},
    }[contract["task"]]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_model_that_was_saved_predicts_what_it_predicted(project: Path, family: str) -> None:
    from mlops.workloads.training.description import Description
    from mlops.workloads.training.families.family import family_named

    make(project, family)
    folder = project / "models/m/train"
    assert not [path for path in folder.iterdir() if path.suffix in (".pkl", ".pickle", ".joblib")]
    description = Description.read(folder)
    x = Graph((folder / "features.onnx").read_bytes())(PreparedData.open("rows").columns("test"))
    loaded = family_named(family).load(folder, description).predict(x)
    served = Graph((project / "models/m/export/model.onnx").read_bytes())(PreparedData.open("rows").columns("test"))
    assert np.abs(loaded - served).max() < 1e-5
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    train("m")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


@pytest.mark.parametrize(("family", "metric"), [("k_means", "adjusted_rand"), ("isolation_forest", "label_auc")])
def test_label_measures_a_model_that_does_not_learn_it(project: Path, family: str, metric: str) -> None:
    _, unlabelled = make(project, family)
    content = (project / "models/m/export/model.onnx").read_bytes()
    life, metrics = make(project, family, label="late")
    assert 0 <= metrics[f"test_{metric}"] <= 1
    assert f"test_{metric}" not in unlabelled
    assert (project / "models/m/export/model.onnx").read_bytes() == content
    if family == "isolation_forest":
        assert life.contract["classes"] == [False, True]
        rows = raw_rows(project, "train", [*[column["name"] for column in life.contract["columns"]], "late"], count=300)
        status = life.watch(rows, [row.pop("late") for row in rows], metrics=metrics)
        assert status["labels"]["joined"] == 300
        assert status["live"]["label_auc"] == pytest.approx(metrics["test_label_auc"], abs=0.15)


def test_contamination_is_the_share_of_the_train_split_that_is_flagged(project: Path) -> None:
    life, _ = make(project, "isolation_forest", contamination="10%")
    columns = PreparedData.open("rows").columns("train")
    scores = Graph((life.export_folder / "model.onnx").read_bytes())(columns)
    assert np.mean(scores >= 0.5) == pytest.approx(0.1, abs=0.01)
    rows = raw_rows(project, "train", [column["name"] for column in life.contract["columns"]], count=200)
    answers = life.post("/predict", {"rows": rows})["predictions"]
    assert all(answer["flagged"] is (answer["score"] >= 0.5) for answer in answers)


@pytest.mark.parametrize(("scores", "flagged"), [([1, 2, 3, 4], 1), ([1, 1, 1, 1], 0), ([1, 4, 4, 4], 0)])
def test_boundary_flags_at_most_its_share_and_no_row_lies_on_it(scores: list[float], flagged: int) -> None:
    boundary = boundary_of(np.array(scores), 0.25)
    assert sum(score > boundary for score in scores) == flagged
    assert boundary not in scores


@pytest.mark.parametrize(
    ("family", "field", "values"),
    [
        ("k_means", "clusters", (2, 4)),
        ("k_means", "restarts", (1, 5)),
        ("k_means", "max_steps", (1, 50)),
        ("gaussian_mixture", "clusters", (2, 4)),
        ("gaussian_mixture", "covariance", ("diag", "spherical")),
        ("gaussian_mixture", "restarts", (1, 4)),
        ("gaussian_mixture", "max_steps", (1, 50)),
        ("gaussian_mixture", "regularize", (1e-6, 1.0)),
        ("isolation_forest", "trees", (5, 10)),
        ("isolation_forest", "rows", (16, 64)),
        ("isolation_forest", "contamination", ("1%", "20%")),
        ("autoencoder", "code", (1, 3)),
        ("autoencoder", "hidden", ([4], [8, 4])),
        ("autoencoder", "activation", ("relu", "silu")),
        ("autoencoder", "contamination", ("1%", "20%")),
        ("pca", "components", (1, 2)),
        ("pca", "whiten", (False, True)),
    ],
)
def test_field_changes_the_model(project: Path, family: str, field: str, values: tuple[Any, Any]) -> None:
    task, fields = FAMILIES[family]
    say_dataset(project, label=None)
    prepare("rows")
    models = []
    for value in values:
        trainer = {"max_epochs": 1} if family == "autoencoder" else None
        say_model(project, "m", task=task, architecture={"name": family, **fields, field: value}, trainer=trainer)
        train("m")
        folder = project / "models/m/train"
        models.append({path.name: path.read_bytes() for path in folder.iterdir() if path.name != "network.json"})
    assert models[0] != models[1]


def test_seed_changes_the_clusters(project: Path) -> None:
    say_dataset(project, label=None)
    prepare("rows")
    graphs = []
    for seed in (1, 2):
        say_model(
            project,
            "m",
            task="clustering",
            architecture={"name": "gaussian_mixture", "clusters": 4},
            trainer={"seed": seed},
        )
        train("m")
        graphs.append((project / "models/m/train/model.onnx").read_bytes())
    assert graphs[0] != graphs[1]


def test_too_many_components_are_refused_with_how_many_there_can_be(project: Path) -> None:
    with pytest.raises(MlopsError, match="have 13 at most"):
        make(project, "pca", components=50)


def test_more_clusters_than_rows_are_refused(project: Path) -> None:
    with pytest.raises(MlopsError, match=r"The train split has \d+ rows, and architecture.clusters needs 5,000"):
        make(project, "k_means", clusters=5000)


def test_label_of_three_values_measures_no_anomalies(project: Path) -> None:
    with pytest.raises(MlopsError, match="are measured by a label of two values"):
        make(project, "isolation_forest", label="grade")


def test_clusters_far_apart_are_measured_as_such() -> None:
    chance = np.random.default_rng(3)
    features = np.concatenate([chance.normal(place, 0.1, (50, 2)) for place in (0.0, 5.0)])
    labels = np.repeat([0.0, 1.0], 50)
    distances = np.abs(features[:, :1] - np.array([0.0, 5.0]))
    measured = measure(Task.CLUSTERING, Unlabelled(labels, -1.0, features).as_truth(), distances)
    assert measured["silhouette"] > 0.95
    assert measured["davies_bouldin"] < 0.1
    assert measured["calinski_harabasz"] > 1000
    assert measured["adjusted_rand"] == 1.0
    one = measure(Task.CLUSTERING, Unlabelled(labels, 1.0, features).as_truth(), np.tile([0.9, 0.1], (100, 1)))
    assert one == {"adjusted_rand": 0.0}


def test_anomaly_scores_are_measured_by_what_they_say() -> None:
    truth = Unlabelled(np.array([0.0, 0.0, 1.0, 1.0]), 2.0, np.empty((4, 0))).as_truth()
    measured = measure(Task.ANOMALY, truth, np.array([0.2, 0.5, 0.75, 0.9]))
    assert measured["share_flagged"] == 0.75
    assert measured["label_auc"] == measured["label_average_precision"] == 1.0
    assert measured["reconstruction_error"] == pytest.approx(2.0 * np.mean([0.25, 1.0, 3.0, 9.0]))


def test_components_that_hold_everything_explain_all_variance() -> None:
    features = np.random.default_rng(3).normal(size=(60, 2)) @ np.array([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0]])
    truth = Unlabelled(np.full(60, np.nan), 1.0, features).as_truth()
    assert measure(Task.REDUCTION, truth, features[:, :2])["explained_variance"] == pytest.approx(1.0)
    assert measure(Task.REDUCTION, truth, features[:, :2])["reconstruction_error"] == pytest.approx(0.0, abs=1e-9)
    assert measure(Task.REDUCTION, truth, np.ones((60, 1)))["explained_variance"] == pytest.approx(0.0, abs=1e-9)


def test_late_label_of_a_clustering_is_set_aside(tmp_path: Path) -> None:
    labels = Labels({"task": "clustering", "label": None, "classes": [0, 1]}, tmp_path)
    labels.add({"id": "a", "label": 1})
    counts = labels.settle(0.0)
    assert counts.refused == 1
    assert "predicts nothing that a label could say otherwise" in str(counts.reason)


def test_inference_protocol_and_description_tell_of_the_outputs(project: Path) -> None:
    life, _ = make(project, "k_means")
    inputs = [{"name": "number", "shape": [2], "datatype": "FP64", "data": [2.0, 1.0]}]
    (output,) = life.post("/v2/models/m/infer", {"inputs": inputs})["outputs"]
    assert (output["name"], output["shape"], len(output["data"])) == ("distances", [2, 3], 6)
    from mlops.workloads.serving.describe import model_metadata
    from mlops.workloads.serving.openapi import openapi

    assert model_metadata(life.contract, "v1")["outputs"] == [
        {"name": "distances", "datatype": "FP32", "shape": [-1, 3]}
    ]
    answer = openapi(life.contract, "v1", 10)["components"]["schemas"]["Answer"]
    row = answer["properties"]["predictions"]["items"]["properties"]
    assert row["cluster"]["maximum"] == 2
    assert row["distances"]["minItems"] == 3


def test_every_metric_of_a_task_without_label_has_a_headline_before_it() -> None:
    for task in (Task.CLUSTERING, Task.ANOMALY, Task.REDUCTION):
        assert metrics_of(task)[0].headline[task] == 1
