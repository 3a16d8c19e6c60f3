"""Each network: it learns each of its tasks, and its file answers raw rows as training did."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.family import family_spec
from mlops.config.schema.families.temporal import Temporal
from mlops.config.schema.training import Loss
from mlops.errors import MlopsError
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.encoder import EncodedColumn
from mlops.workloads.training.families.family import family_named
from mlops.workloads.training.families.network.columns import ColumnNetworkFamily
from mlops.workloads.training.families.network.family import NetworkFamily
from mlops.workloads.training.families.network.objective import Objective
from mlops.workloads.training.families.network.predictor import Predictor
from mlops.workloads.training.families.temporal import TemporalFamily
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model
from tests.workloads.vector_project import ModelLife

FAMILIES: dict[str, dict[str, Any]] = {
    "residual_mlp": {"width": 16, "blocks": 2},
    "tabm": {"hidden": [16], "members": 4},
    "embedding_mlp": {"hidden": [16]},
}
COLUMNS = [
    EncodedColumn("number"),
    *[EncodedColumn("color")] * 4,
    EncodedColumn("number", encoding=Encoding.CODES),
    EncodedColumn("color", 4, Encoding.CODES),
]
TASKS = {
    "binary": "late",
    "multiclass": "grade",
    "regression": "delay",
    "quantile": "delay",
    "multilabel": ["late", "slow"],
}
SQL = "SELECT *, (delay > 0) AS slow FROM rows"


def network_of(family: str, inputs: int = 5, outputs: int = 3, **fields: Any) -> nn.Module:
    spec = family_spec(family).model_validate({"name": family, **FAMILIES[family], **fields})
    made = family_named(family)
    assert isinstance(made, NetworkFamily)
    if isinstance(made, ColumnNetworkFamily):
        made._layout = made.layout(COLUMNS, [])
        inputs = len(COLUMNS)
    return made.build(spec, width=inputs, outputs=outputs)


def rows_of(family: str) -> torch.Tensor:
    if family != "embedding_mlp":
        return torch.randn(4, 5)
    return torch.cat([torch.randn(4, 6), torch.tensor([[0.0], [3.0], [math.nan], [1.0]])], dim=1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", TASKS)
def test_network_learns_each_task(project: Path, family: str, task: str) -> None:
    say_dataset(project, sql=SQL, label=TASKS[task])
    prepare("rows")
    say_model(project, "m", task=task, architecture={"name": family, **FAMILIES[family]}, trainer={"max_epochs": 2})
    train("m")
    history = json.loads((project / "models/m/train/history.json").read_text())
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    predictions = np.array(pq.read_table(project / "models/m/train/predictions.parquet")["prediction"].to_pylist())
    width = {"multiclass": 3, "quantile": 3, "multilabel": 2}.get(task)
    assert predictions.shape[1:] == (() if width is None else (width,))


@pytest.mark.parametrize("family", FAMILIES)
def test_file_of_a_network_answers_nulls_and_unseen_categories_as_training_did(project: Path, family: str) -> None:
    say_dataset(project, label="delay")
    prepare("rows")
    life = ModelLife(project)
    metrics = life.make(
        task="regression", architecture={"name": family, **FAMILIES[family]}, optimizer={"lr": 1e-2},
        trainer={"max_epochs": 8, "batch_size": 32},
    )  # fmt: skip
    assert metrics["test_r2"] > 0.5
    assert any(None in row.values() for row in life.golden["rows"])
    assert life.golden_difference() < 1e-4
    first = (project / "models/m/train/network.safetensors").read_bytes()
    train("m")
    assert (project / "models/m/train/network.safetensors").read_bytes() == first


def test_members_of_tabm_learn_side_by_side_and_answer_with_their_mean() -> None:
    network = network_of("tabm", outputs=1, dropout=0.0)
    x, y = torch.randn(6, 5), torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    out = network(x).detach()
    assert out.shape == (6, 4, 1)
    assert not torch.allclose(out[:, 0], out[:, 1])
    each = [nn.functional.binary_cross_entropy_with_logits(out[:, member, 0], y) for member in range(4)]
    loss = Objective(Task.BINARY, Loss(name="bce")).mean(out, y)
    assert float(loss) == pytest.approx(float(torch.stack(each).mean()), abs=1e-6)
    answers = Predictor(network, Task.BINARY)(x).detach()
    assert torch.allclose(answers, torch.sigmoid(out[:, :, 0]).mean(dim=1))


@pytest.mark.parametrize(
    ("family", "fields", "parameters"),
    [
        ("residual_mlp", {"width": 8}, 5 * 8 + 8 + 2 * (16 + 8 * 16 + 16 + 16 * 8 + 8) + 16 + 8 * 3 + 3),
        ("residual_mlp", {"width": 8, "blocks": 1}, 5 * 8 + 8 + (16 + 8 * 16 + 16 + 16 * 8 + 8) + 16 + 8 * 3 + 3),
        (
            "residual_mlp",
            {"width": 8, "blocks": 1, "expansion": 1},
            5 * 8 + 8 + (16 + 8 * 8 + 8 + 8 * 8 + 8) + 16 + 8 * 3 + 3,
        ),
        ("tabm", {"members": 2}, 5 * 16 + 2 * (5 + 16 + 16) + 2 * (16 * 3 + 3)),
        ("embedding_mlp", {}, 5 * 3 + (1 + 3) * 16 + 16 + 16 * 3 + 3),
        ("embedding_mlp", {"dimension": 7}, 5 * 7 + (1 + 7) * 16 + 16 + 16 * 3 + 3),
        ("tabm", {"members": 2, "hidden": [4]}, 5 * 4 + 2 * (5 + 4 + 4) + 2 * (4 * 3 + 3)),
    ],
)
def test_field_of_a_network_decides_its_size(family: str, fields: dict[str, Any], parameters: int) -> None:
    assert sum(one.numel() for one in network_of(family, **fields).parameters()) == parameters


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_leaves_units_out_in_training_alone(family: str) -> None:
    network, x = network_of(family, dropout=0.5), rows_of(family)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_embeddings_take_the_place_of_zeros_and_ones() -> None:
    network = network_of("embedding_mlp").eval()
    x = rows_of("embedding_mlp")
    other = x.clone()
    other[:, 1:5] = 9.0
    assert torch.equal(network(x), network(other))
    other[0, 6] = 2.0
    assert not torch.equal(network(x)[0], network(other)[0])


def test_category_that_nothing_missing_stands_for_is_zeros() -> None:
    network = network_of("embedding_mlp", dropout=0.0)
    table = network.get_submodule("tables.0")
    assert isinstance(table, nn.Embedding)
    assert table.weight[4].tolist() == [0.0, 0.0, 0.0]
    network(rows_of("embedding_mlp")).sum().backward()
    assert table.weight.grad is not None
    assert table.weight.grad[4].abs().sum() == 0


def test_numbers_of_embeddings_are_left_out_in_training_alone() -> None:
    network, x = network_of("embedding_mlp", embedding_dropout=0.9), rows_of("embedding_mlp")
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


SERIES = [
    *(EncodedColumn(f"price_past_{step}") for step in (3, 2, 1)),
    *(EncodedColumn(f"sales_past_{step}") for step in (3, 2, 1)),
    EncodedColumn("sales_past_2"),
    EncodedColumn("store"),
]


def temporal(**fields: Any) -> nn.Module:
    spec = Temporal.model_validate({"name": "temporal", "channels": 4, "levels": 2, "kernel": 2, **fields})
    family = TemporalFamily()
    family._layout = family.layout(SERIES, ["sales_ahead_1", "sales_ahead_2"])
    return family.build(spec, width=len(SERIES), outputs=2)


def test_temporal_network_finds_the_past_of_the_label_first_and_the_oldest_first() -> None:
    layout = TemporalFamily().layout(SERIES, ["sales_ahead_1", "sales_ahead_2"])
    assert layout == {"past_0": [3, 4, 5], "past_1": [0, 1, 2], "beside": [6, 7]}


def test_window_that_is_higher_by_some_is_answered_higher_by_as_much() -> None:
    network, x = temporal().eval(), torch.randn(3, len(SERIES))
    higher = x.clone()
    higher[:, 3:6] += 5.0
    assert torch.allclose(network(higher), network(x) + 5.0, atol=1e-4)


@pytest.mark.parametrize(
    ("fields", "parameters"),
    [
        ({}, (2 * 4 * 2 + 4) + (4 * 4 * 2 + 4) + (4 + 3 + 2) * 2 + 2 + 2),
        ({"channels": 5}, (2 * 5 * 2 + 5) + (5 * 5 * 2 + 5) + (5 + 3 + 2) * 2 + 2 + 2),
        ({"levels": 1}, (2 * 4 * 2 + 4) + (4 + 3 + 2) * 2 + 2 + 2),
        ({"kernel": 3}, (2 * 4 * 3 + 4) + (4 * 4 * 3 + 4) + (4 + 3 + 2) * 2 + 2 + 2),
    ],
)
def test_field_of_the_temporal_network_decides_its_size(fields: dict[str, Any], parameters: int) -> None:
    assert sum(one.numel() for one in temporal(**fields).parameters()) == parameters


def test_units_of_the_temporal_network_are_left_out_in_training_alone() -> None:
    network, x = temporal(dropout=0.5), torch.randn(3, len(SERIES))
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize("columns", [SERIES[:4], SERIES[:3], [EncodedColumn("number")]])
def test_past_that_is_not_whole_is_refused(columns: list[EncodedColumn]) -> None:
    with pytest.raises(MlopsError, match=r'must list all of it, as "sales_past_\*"'):
        TemporalFamily().layout(columns, ["sales_ahead_1"])
