"""Every family that reads a table with a label, and each of its tasks: from raw rows to a watched answer.

Those without a label, of series and those brought from elsewhere have such a test in the module of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops.config.schema.families.family import family_spec
from mlops.extensions import FAMILY_SCHEMAS
from mlops.metrics.table import headlines_of
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.training.rescore import rescore
from tests.workloads.conftest import say_dataset, say_model
from tests.workloads.picture_project import say_photos, write_digits
from tests.workloads.vector_project import ModelLife, raw_rows

TABLES: dict[str, dict[str, Any]] = {
    "linear": {},
    "mlp": {"hidden": [16]},
    "residual_mlp": {"width": 16, "blocks": 1},
    "embedding_mlp": {"hidden": [16]},
    "tabm": {"hidden": [16], "members": 2},
    "boosted_trees": {"trees": 20},
    "random_forest": {"trees": 10},
    "auto": {},
    "sklearn": {},
    "ensemble": {"of": ["first", "second"]},
}
ELSEWHERE = {
    "temporal": "test_forecasting", "imported": "test_imported", "k_means": "test_unlabelled",
    "gaussian_mixture": "test_unlabelled", "isolation_forest": "test_unlabelled", "autoencoder": "test_unlabelled",
    "pca": "test_unlabelled",
}  # fmt: skip
NET = """
import lightning
from torch import nn

class Net(lightning.LightningModule):
    def __init__(self, width, outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, 8), nn.ReLU(), nn.Linear(8, outputs))

    def forward(self, x):
        return self.layers(x)
"""
ESTIMATORS = {
    Task.BINARY: "sklearn.linear_model.LogisticRegression",
    Task.MULTICLASS: "sklearn.linear_model.LogisticRegression",
    Task.REGRESSION: "sklearn.linear_model.Ridge",
}
LABELS = {Task.BINARY: "late", Task.MULTICLASS: "grade", Task.REGRESSION: "delay"}
STRANGE = {"number": None, "color": "violet", "size": 99, "hour": None, "flag": None}


def architecture_of(family: str, task: Task) -> dict[str, Any]:
    target = {"_target_": ESTIMATORS[task]} if family == "sklearn" else {}
    return {"name": family, **TABLES[family], **target}


def make_members(project: Path, task: Task) -> None:
    """Train and export what an ensemble mixes."""
    for name, family in (("first", "linear"), ("second", "boosted_trees")):
        trainer = {"max_epochs": 2} if family == "linear" else None
        say_model(project, name, task=task, architecture=architecture_of(family, task), trainer=trainer)
        ModelLife.run(name)


def check_life(life: ModelLife, metrics: dict[str, Any], rows: list[dict[str, Any]], labels: list[Any]) -> None:
    """Hold what a model was measured to be against what its file, its server and its watcher say of it."""
    assert life.golden_difference() < 1e-4
    headline = f"test_{headlines_of(Task(life.contract['task']))[0].name}"
    assert metrics[headline] > metrics["baselines"]["trivial"][headline]
    assert rescore(life.export_folder, "rows")[headline] == pytest.approx(metrics[headline], abs=1e-5)
    status = life.watch(rows, labels, metrics=metrics)
    assert (status["rows"], status["labels"]["joined"]) == (len(rows), len(rows))


@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("family", TABLES)
def test_model_lives_from_rows_to_a_watched_answer(project: Path, family: str, task: Task) -> None:
    """`export` itself compares the graph with what training predicted for raw rows, nulls among them."""
    say_dataset(project, label=LABELS[task])
    prepare("rows")
    if family == "ensemble":
        make_members(project, task)
    trainer = {"max_epochs": 8, "batch_size": 32} if "trainer" in family_spec(family).reads else None
    life = ModelLife(project)
    metrics = life.make(task=task, architecture=architecture_of(family, task), trainer=trainer)
    assert any(None in row.values() for row in life.golden["rows"])
    (answer,) = life.post("/predict", STRANGE)["predictions"]
    assert None not in (answer.values() if isinstance(answer, dict) else [answer])
    label = LABELS[task]
    rows = raw_rows(project, "train", [*(column["name"] for column in life.contract["columns"]), label], count=200)
    check_life(life, metrics, rows, [row.pop(label) for row in rows])


@pytest.mark.parametrize("family", ["cnn", "resnet"])
def test_network_of_images_lives_to_a_watched_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_digits(tmp_path / "photos", 300, classes=2)
    say_photos(tmp_path)
    prepare("rows")
    life = ModelLife(tmp_path)
    architecture = {"name": family, "channels": [8, 16], "hidden": [16]} | (
        {"blocks": [1, 1]} if family == "resnet" else {}
    )
    metrics = life.make(task="multiclass", architecture=architecture, trainer={"max_epochs": 4, "batch_size": 16})
    rows = life.golden["rows"]
    check_life(life, metrics, rows, ["digit-0"] * len(rows))


def test_module_of_ones_own_lives_to_a_watched_answer(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(project)
    (project / "net_of_the_project.py").write_text(NET)
    prepare("rows")
    life = ModelLife(project)
    architecture = {"name": "custom", "_target_": "net_of_the_project.Net"}
    metrics = life.make(task="binary", architecture=architecture, trainer={"max_epochs": 8, "batch_size": 32})
    rows = raw_rows(project, "train", [*(column["name"] for column in life.contract["columns"]), "late"], count=200)
    check_life(life, metrics, rows, [row.pop("late") for row in rows])


def test_every_family_has_such_a_test() -> None:
    assert set(FAMILY_SCHEMAS.own_names()) == {*TABLES, "cnn", "resnet", "custom", *ELSEWHERE}
    for family, module in ELSEWHERE.items():
        assert ".watch(" in Path(__file__).with_name(f"{module}.py").read_text(), family
