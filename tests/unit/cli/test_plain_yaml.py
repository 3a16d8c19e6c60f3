"""What `mlops show --as-yaml` writes of what a search, or `architecture: auto`, has found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.address import Address
from mlops.config.load import load
from tests.e2e.conftest import SMALL
from tests.small_project import share_cache, write_files
from tests.unit.cli.conftest import Shell, shell

TUNED = """\
dataset: rows
task: binary
architecture: { name: mlp }
optimizer: { lr: 0.01 }
tune:
  space:
    optimizer.lr: { log: [1e-4, 1e-1] }
    architecture: [{ name: mlp, hidden: { choice: [[8], [16]] } }, { name: boosted_trees, leaves: { int: [2, 9] } }]
gates: [test_auc >= 0.6]
"""
AUTO = "dataset: rows\ntask: binary\narchitecture: { name: auto, budget: 5s }\ngates: [test_auc >= 0.6]\n"
LINEAR = {"name": "sklearn", "_target_": "sklearn.linear_model.LogisticRegression", "C": 1.0, "max_iter": 200}
TREES = {"name": "boosted_trees", "leaves": 8, "trees": 41, "patience": None}


@pytest.fixture
def root(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    share_cache(tmp_path, cache)
    monkeypatch.chdir(write_files(tmp_path, SMALL))
    return tmp_path


@pytest.fixture
def mlops(root: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return shell(capsys)


def write_summary(root: Path, *members: tuple[dict[str, Any], float]) -> None:
    summary = {"space": 1, "members": [{"architecture": one, "weight": weight} for one, weight in members]}
    write_files(root, {"conf/model/late.yaml": AUTO, "models/late/train/summary.json": json.dumps(summary)})


def test_chosen_values_take_the_place_of_the_search(mlops: Shell, root: Path) -> None:
    write_files(root, {"conf/model/late.yaml": TUNED})
    nothing = mlops("show", "model.late", "--as-yaml")
    assert nothing.code == 1
    assert nothing.err.startswith("Error: nothing was found yet")
    chosen = {"optimizer.lr": 0.003, "architecture": {"name": "boosted_trees", "leaves": 5}}
    ledger = {"trials": [], "best": 0, "chosen": chosen, "ended": "trials", "searched": {}}
    write_files(root, {"tuning/model/late.json": json.dumps(ledger)})
    text = mlops("show", "model.late", "--as-yaml").out
    assert yaml.safe_load(text) == {
        "dataset": "rows", "task": "binary", "architecture": {"name": "boosted_trees", "leaves": 5}, "gates": ["test_auc >= 0.6"],
    }  # fmt: skip
    assert "architecture: {name: boosted_trees, leaves: 5}" in text
    write_files(root, {"conf/model/late.yaml": text})
    assert "tune" not in load(root).resources[Address("model", "late")].inputs


def test_one_model_that_won_is_one_file_that_names_what_it_needs(mlops: Shell, root: Path) -> None:
    write_files(root, {"conf/model/late.yaml": AUTO})
    assert "models/late/train/summary.json says no values" in mlops("show", "model.late", "--as-yaml").err
    write_summary(root, (LINEAR, 1.0))
    text = mlops("show", "model.late", "--as-yaml").out
    assert "allow_targets: [mlops.workloads.training, sklearn.linear_model]" in text.splitlines()[0]
    assert yaml.safe_load(text)["architecture"] == LINEAR


def test_a_mix_is_a_file_for_each_and_an_ensemble_and_all_are_valid(mlops: Shell, root: Path) -> None:
    write_summary(root, (LINEAR, 0.2), (TREES, 0.8))
    text = mlops("show", "model.late", "--as-yaml").out
    parts = {}
    for part in text.split("# conf/model/")[1:]:
        name, _, content = part.partition("\n")
        parts[f"conf/model/{name}"] = content
    assert list(parts) == ["conf/model/late.yaml", "conf/model/late-1.yaml", "conf/model/late-2.yaml"]
    assert "with the weights late-1 0.8, late-2 0.2;" in parts["conf/model/late.yaml"]
    allowed = SMALL["conf/project.yaml"].replace("training]", "training, sklearn.linear_model]")
    write_files(root, {**parts, "conf/project.yaml": allowed})
    found = load(root).resources
    assert found[Address("model", "late")].inputs["architecture"]["of"] == ["late-1", "late-2"]
    assert found[Address("model", "late-1")].inputs["architecture"]["name"] == "boosted_trees"
    assert "gates" not in found[Address("model", "late-1")].inputs


def test_only_a_model_has_a_winner(mlops: Shell) -> None:
    assert mlops("show", "dataset.rows", "--as-yaml").err.startswith("Error: no model")
    assert mlops("show", "--as-yaml").code == 1
