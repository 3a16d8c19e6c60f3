"""Quantiles of a number: learned, never crossing, measured, exported, served, golden-checked and watched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from mlops.config.schema.model import Model
from mlops.metrics.table import metric_named
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.metrics.measure import compute
from mlops.workloads.metrics.truth import as_measured
from mlops.workloads.training.families.network.losses import pinball, rising_quantiles
from mlops.workloads.training.rescore import rescore
from tests.workloads.conftest import say_dataset
from tests.workloads.vector_project import ModelLife, raw_rows


@pytest.fixture
def life(project: Path) -> ModelLife:
    say_dataset(project, label="delay")
    prepare("rows")
    return ModelLife(project)


def test_quantile_model_lives_from_rows_to_late_labels(life: ModelLife) -> None:
    trainer = {"max_epochs": 15, "batch_size": 32}
    metrics = life.make(task="quantile", quantiles=[0.05, 0.25, 0.5, 0.95], optimizer={"lr": 1e-2}, trainer=trainer)
    assert metrics["test_coverage"] == pytest.approx(0.9, abs=0.12)
    assert 0 < metrics["test_pinball"] < 0.2
    assert metrics["test_width"] > 0
    assert metrics["baselines"]["trivial"]["test_pinball"] > 1.5 * metrics["test_pinball"]
    contract = life.contract
    assert (contract["label"], contract["classes"]) == ("delay", [0.05, 0.25, 0.5, 0.95])
    assert contract["outputs"] == [{"name": "quantiles", "type": "float", "shape": [None, 4]}]
    assert life.golden_difference() < 1e-4
    assert np.all(np.diff(np.array(life.golden["predictions"]), axis=1) >= 0)
    assert rescore(life.export_folder, "rows")["test_pinball"] == pytest.approx(metrics["test_pinball"], abs=1e-6)
    columns = [column["name"] for column in contract["columns"]]
    rows = raw_rows(life.project, "train", [*columns, "delay"], count=300)
    labels = [row.pop("delay") for row in rows]
    status = life.watch(rows, labels, metrics=metrics)
    assert status["labels"]["joined"] == 300
    assert status["live"]["pinball"] == pytest.approx(metrics["test_pinball"], rel=0.4)
    assert status["findings"] == []


def test_answer_says_the_median_and_every_quantile(life: ModelLife) -> None:
    life.make(task="quantile", trainer={"max_epochs": 1})
    (answer,) = life.post("/predict", {"number": 1.0})["predictions"]
    assert list(answer["quantiles"]) == ["0.1", "0.5", "0.9"]
    assert answer["delay"] == answer["quantiles"]["0.5"]
    assert life.feedback({"id": "a", "label": 1.5}) == 202


def test_quantiles_never_cross_whatever_the_network_gives() -> None:
    out = torch.randn(200, 5, generator=torch.Generator().manual_seed(1)) * 50
    assert bool((rising_quantiles(out).diff(dim=1) >= 0).all())


def test_pinball_weighs_what_is_above_by_the_level_and_what_is_below_by_the_rest() -> None:
    loss = pinball(torch.tensor([[0.0], [0.0]]), torch.tensor([2.0, -2.0]), torch.tensor([0.9]))
    assert loss.tolist() == pytest.approx([1.8, 0.2])


@pytest.mark.parametrize(
    ("name", "value"), [("pinball", (0.1 + 0.1 + 0.3 + 0.9) / 4), ("coverage", 0.5), ("width", 2.0)]
)
def test_metric_of_quantiles_is_what_it_says(name: str, value: float) -> None:
    truth = as_measured(Task.QUANTILE, np.array([1.0, 3.0]), [0.1, 0.9])
    assert compute(metric_named(name), truth, np.array([[0.0, 2.0], [0.0, 2.0]])) == pytest.approx(value)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"task": "quantile", "quantiles": [0.9, 0.1]}, "quantiles rise"),
        ({"task": "quantile", "quantiles": [0.0, 0.5]}, "greater than 0"),
        ({"task": "regression", "quantiles": [0.5]}, "only the task `quantile`"),
        ({"task": "quantile", "loss": {"name": "mse"}}, "does not fit task `quantile`; use pinball"),
    ],
)
def test_quantiles_that_make_no_sense_are_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Model.model_validate({"dataset": "rows", "architecture": {"name": "linear"}, **fields})
