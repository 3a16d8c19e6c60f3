"""Several labels a row: learned, measured, exported, served, golden-checked and watched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops.errors import MlopsError
from mlops.metrics.metric import Metric
from mlops.metrics.table import metric_named
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.metrics.measure import compute, measure
from mlops.workloads.monitoring.labels import Labels
from mlops.workloads.training.rescore import rescore
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model
from tests.workloads.vector_project import ModelLife, raw_rows

SQL = "SELECT number, color, size, hour, flag, late, (delay > 0) AS slow, (grade = 'c')::INT AS bad FROM rows"
LABELS = ["late", "slow", "bad"]


@pytest.fixture
def life(project: Path) -> ModelLife:
    say_dataset(project, sql=SQL, label=LABELS)
    prepare("rows")
    return ModelLife(project)


def test_multilabel_model_lives_from_rows_to_late_labels(life: ModelLife) -> None:
    metrics = life.make(task="multilabel", optimizer={"lr": 1e-2}, slices=["color"])
    assert metrics["test_macro_auc"] > 0.9
    assert metrics["baselines"]["trivial"]["test_macro_auc"] == 0.5
    assert {"test_macro_f1", "test_micro_f1", "test_subset_accuracy", "test_hamming", "val_macro_auc"} <= set(metrics)
    assert metrics["slices"]["color"]["red"]["micro_f1"] > 0
    contract = life.contract
    assert (contract["label"], contract["classes"]) == (LABELS, LABELS)
    assert contract["outputs"] == [{"name": "probabilities", "type": "float", "shape": [None, 3]}]
    assert life.golden_difference() < 1e-4
    assert rescore(life.export_folder, "rows")["test_macro_auc"] == pytest.approx(metrics["test_macro_auc"], abs=1e-6)
    columns = [column["name"] for column in contract["columns"]]
    rows = raw_rows(life.project, "train", [*columns, *LABELS], count=300)
    labels = [{name: row.pop(name) for name in LABELS} for row in rows]
    status = life.watch(rows, labels, metrics=metrics)
    assert status["labels"] == {"joined": 300, "waiting": 0, "refused": 0, "reason": None, "source": None}
    assert status["live"]["micro_f1"] == pytest.approx(metrics["test_micro_f1"], abs=0.1)
    assert life.baseline()["kinds"]["(prediction)"] == "number"
    assert status["findings"] == []


def test_answer_names_each_label_with_its_probability(life: ModelLife) -> None:
    life.make(task="multilabel", trainer={"max_epochs": 1})
    row = {"number": 2.0, "color": "violet"}
    (answer,) = life.post("/predict", row)["predictions"]
    assert list(answer) == [*LABELS, "probabilities"]
    assert all(answer[name] is (answer["probabilities"][name] >= 0.5) for name in LABELS)
    assert life.feedback({"id": "a", "label": dict.fromkeys(LABELS, True)}) == 202
    inputs = [{"name": "number", "shape": [2], "datatype": "FP64", "data": [2.0, 1.0]}]
    (output,) = life.post("/v2/models/m/infer", {"inputs": inputs})["outputs"]
    assert (output["name"], output["shape"], len(output["data"])) == ("probabilities", [2, 3], 6)


def test_label_that_is_not_zero_or_one_is_refused(project: Path) -> None:
    say_dataset(project, label=["late", "delay"])
    prepare("rows")
    say_model(project, "m", task="multilabel")
    with pytest.raises(MlopsError, match="needs labels of 0 and 1, or of true and false, and `delay` has"):
        train("m")


@pytest.mark.parametrize(("task", "label"), [("multilabel", "late"), ("binary", ["late", "flag2"])])
def test_task_that_does_not_fit_the_number_of_labels_is_refused(project: Path, task: str, label: Any) -> None:
    say_dataset(project, label=label, sql="SELECT *, flag AS flag2 FROM rows")
    prepare("rows")
    say_model(project, "m", task=task)
    with pytest.raises(MlopsError, match="label does not fit the task"):
        train("m")


TRUTH = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], dtype=np.float32)
PREDICTED = np.array([[0.9, 0.2], [0.6, 0.4], [0.7, 0.1], [0.2, 0.8]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("macro_auc", (0.75 + 1.0) / 2),
        ("macro_f1", (0.8 + 2 / 3) / 2),
        ("micro_f1", 6 / 8),
        ("subset_accuracy", 0.5),
        ("hamming", 2 / 8),
    ],
)
def test_metric_of_several_labels_is_what_it_says(name: str, value: float) -> None:
    metric: Metric = metric_named(name)
    assert compute(metric, TRUTH, PREDICTED) == pytest.approx(value)


def test_label_that_is_always_true_takes_no_part_in_the_mean_auc() -> None:
    ones = np.column_stack([np.ones(4), TRUTH[:, 1]])
    assert measure(Task.MULTILABEL, ones, PREDICTED)["macro_auc"] == 1.0
    assert "macro_auc" not in measure(Task.MULTILABEL, np.ones((4, 2)), PREDICTED)


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ({"late": 1}, "is no mapping from each of late, slow to 0 or 1"),
        ([1, 0], "is no mapping"),
        ({"late": 2, "slow": 0}, "holds something else than 0 and 1"),
    ],
)
def test_late_label_that_does_not_fit_is_set_aside(tmp_path: Path, label: Any, why: str) -> None:
    contract = {"task": "multilabel", "label": ["late", "slow"], "classes": ["late", "slow"]}
    labels = Labels(contract, tmp_path)
    labels.predicted("a", [[0.1, 0.9]])
    labels.add({"id": "a", "label": label})
    counts = labels.settle(0.0)
    assert (counts.joined, counts.refused) == (0, 1)
    assert why in str(counts.reason)
    labels.add({"id": "a", "label": {"late": False, "slow": 1}})
    assert labels.settle(0.0).joined == 1


def test_schema_file_lists_the_labels(life: ModelLife) -> None:
    assert json.loads((life.project / "data/rows/schema.json").read_text())["label"] == LABELS
