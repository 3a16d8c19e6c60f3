"""Estimators of scikit-learn: made by name, fitted, and exported as a graph."""

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

CASES: list[tuple[str, dict[str, Any]]] = [
    ("binary", {"_target_": "sklearn.linear_model.LogisticRegression", "C": 0.5}),
    ("binary", {"_target_": "sklearn.ensemble.ExtraTreesClassifier", "n_estimators": 10}),
    ("binary", {"_target_": "sklearn.ensemble.GradientBoostingClassifier", "n_estimators": 10}),
    ("multiclass", {"_target_": "sklearn.ensemble.StackingClassifier", "cv": 2, "estimators": [
        ["knn", {"_target_": "sklearn.neighbors.KNeighborsClassifier"}],
        ["linear", {"_target_": "sklearn.linear_model.LogisticRegression"}],
    ]}),
    ("regression", {"_target_": "sklearn.linear_model.Ridge", "alpha": 2.0}),
    ("regression", {"_target_": "sklearn.svm.SVR"}),
]  # fmt: skip
LABELS = {"binary": "late", "multiclass": "grade", "regression": "delay"}


def say(root: Path, task: str, architecture: dict[str, Any]) -> None:
    say_dataset(root, label=LABELS[task])
    say_model(root, "m", task=task, trainer={"seed": 3}, architecture={"name": "sklearn", **architecture})
    prepare("rows")


@pytest.mark.parametrize(("task", "architecture"), CASES)
def test_exported_estimator_predicts_what_it_predicts(project: Path, task: str, architecture: dict[str, Any]) -> None:
    say(project, task, architecture)
    for stage in (train, evaluate, export):
        stage("m")
    metrics = json.loads((project / "metrics/model/m.json").read_text())
    assert metrics[{"binary": "test_auc", "multiclass": "test_accuracy", "regression": "test_r2"}[task]] > 0.5
    assert not list((project / "models/m").rglob("*.pkl"))
    first = {path: path.read_bytes() for path in (project / "models/m").rglob("*") if path.is_file()}
    for stage in (train, export):
        stage("m")
    assert {path: path.read_bytes() for path in first} == first


@pytest.mark.parametrize(
    ("task", "architecture", "message"),
    [
        ("regression", {"_target_": "sklearn.linear_model.LogisticRegression"}, "is no regressor"),
        ("binary", {"_target_": "sklearn.linear_model.Ridge"}, "is no classifier"),
        ("binary", {"_target_": "sklearn.svm.LinearSVC"}, "has no predict_proba"),
        ("binary", {"_target_": "sklearn.linear_model.LogisticRegression", "c": 1}, "unexpected keyword argument 'c'"),
        ("binary", {"_target_": "sklearn.linear_model.Logistic"}, "has no attribute 'Logistic'"),
        ("binary", {"_target_": "sklearn.base.clone", "estimator": 1}, "target cannot be built|is no estimator|not an estimator"),
        ("binary", {"_target_": "sklearn.linear_model.LogisticRegression", "C": -1.0}, "estimator cannot be fitted"),
        ("binary", {"_target_": "sklearn.linear_model.LogisticRegression", "encoding": "codes"}, "contains NaN"),
        ("binary", {"_target_": "sklearn.semi_supervised.LabelPropagation"}, "estimator cannot be exported"),
    ],
)  # fmt: skip
def test_estimator_that_does_not_fit_is_an_error(
    project: Path, task: str, architecture: dict[str, Any], message: str
) -> None:
    say(project, task, architecture)
    with pytest.raises(MlopsError, match=message):
        train("m")


def test_estimator_takes_seed_and_threads_of_the_trainer(project: Path) -> None:
    architecture = {"_target_": "sklearn.ensemble.RandomForestClassifier", "n_estimators": 5}
    say(project, "binary", architecture)
    train("m")
    first = (project / "models/m/train/model.onnx").read_bytes()
    say_model(project, "m", task="binary", trainer={"seed": 4}, architecture={"name": "sklearn", **architecture})
    train("m")
    assert (project / "models/m/train/model.onnx").read_bytes() != first
    columns = np.zeros((1, 13), dtype=np.float32)
    assert Graph((project / "models/m/train/model.onnx").read_bytes())({"x": columns}).shape == (1,)
