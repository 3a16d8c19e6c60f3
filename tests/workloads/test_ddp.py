"""Two processes against one: the same training code under torchrun, with gloo, on this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.families.network.batches import Batches, TensorRows
from mlops.workloads.training.families.network.ranks import Ranks
from mlops.workloads.training.train import train
from tests.ports import any_port
from tests.workloads.conftest import say_dataset, say_model, write_rows

ROOT = Path(__file__).parents[2]
STILL = {"name": "mlp", "hidden": [16], "dropout": 0.0}
MODELS: dict[str, dict[str, Any]] = {
    # 631 rows: the last batch of 30 has one, so that the second process has none.
    "plain": {
        "trainer": {"max_epochs": 4, "batch_size": 30, "gradient_clip": 0.5},
        "optimizer": {"schedule": "one_cycle"},
    },
    # By sgd: a bias before a norm moves nothing, and Adam would make large steps of the rounding in its gradient.
    "normal": {
        "architecture": {**STILL, "norm": "batch"},
        "optimizer": {"name": "sgd", "lr": 0.1},
        "trainer": {"max_epochs": 4, "batch_size": 48},
    },
    "weighed": {"dataset": "grades", "task": "multiclass", "loss": {"name": "cross_entropy", "balance": True}},
    "stopped": {
        "optimizer": {"lr": 0.05},
        "trainer": {"max_epochs": 40, "batch_size": 64, "early_stopping": {"patience": 1}},
    },
    "dropping": {"architecture": {**STILL, "dropout": 0.3}, "trainer": {"max_epochs": 12, "batch_size": 32}},
}
EXACT = [name for name in MODELS if name != "dropping"]
SCRIPT = """\
from mlops.workloads.stage import run_stage
from mlops.workloads.training.families.network.ranks import Ranks
from mlops.workloads.training.train import train

Ranks.leave = lambda self: None  # they meet again for the next model

if __name__ == "__main__":
    run_stage(lambda names: [train(name) for name in names.split(",")])
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """The same models by one process and by two, and what the two said."""
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    write_rows(one / "rows.csv")
    for name, fields in MODELS.items():
        say_model(one, name, **{"task": "binary", "architecture": STILL, **fields})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(one)
        say_dataset(one, label="grade")
        prepare("rows")
        (one / "data/rows").rename(one / "data/grades")
        say_dataset(one)
        prepare("rows")
        shutil.copytree(one, two, dirs_exist_ok=True)
        for name in MODELS:
            train(name)
            evaluate(name)
        patch.chdir(two)
        said = by_two(two, ",".join(MODELS))
        for name in MODELS:
            evaluate(name)
    return one, two, said


def by_two(root: Path, names: str) -> str:
    (root / "all.py").write_text(SCRIPT)
    port = str(any_port())
    by = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", port, "all.py", names]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *by], cwd=root, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXACT)
def test_two_processes_reach_the_weights_of_one(trained: tuple[Path, Path, str], name: str) -> None:
    one, two = (load_file(root / f"models/{name}/train/network.safetensors") for root in trained[:2])
    assert one.keys() == two.keys()
    for key in one:
        torch.testing.assert_close(two[key], one[key], atol=1e-5, rtol=1e-5)


def flat(value: Any, path: str = "") -> dict[str, float]:
    """Return each number of a file of metrics by its path."""
    if not isinstance(value, dict | list):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {name: number for key, one in items for name, number in flat(one, f"{path}.{key}").items()}


@pytest.mark.parametrize("name", EXACT)
def test_two_processes_measure_what_one_measures(trained: tuple[Path, Path, str], name: str) -> None:
    one, two = (json.loads((root / f"metrics/model/{name}.json").read_text()) for root in trained[:2])
    assert two.pop("fairness", {}).keys() == one.pop("fairness", {}).keys()  # ratios of a few rows
    assert flat(two) == pytest.approx(flat(one), abs=1e-4)
    history = [json.loads((root / f"models/{name}/train/history.json").read_text()) for root in trained[:2]]
    for first, second in zip(*history, strict=True):
        assert second == pytest.approx(first, abs=1e-5)


def test_two_processes_stop_early_in_the_same_epoch(trained: tuple[Path, Path, str]) -> None:
    one, two = (json.loads((root / "models/stopped/train/summary.json").read_text()) for root in trained[:2])
    assert one == two
    assert one["epochs"] < 40


def test_two_processes_learn_as_well_with_dropout(trained: tuple[Path, Path, str]) -> None:
    one, two = (json.loads((root / "metrics/model/dropping.json").read_text()) for root in trained[:2])
    assert two["test_auc"] > 0.85
    assert two["test_auc"] == pytest.approx(one["test_auc"], abs=0.03)


def test_two_devices_of_one_machine_are_two_processes(trained: tuple[Path, Path, str]) -> None:
    root = trained[1]
    trainer = {**MODELS["plain"]["trainer"], "devices": 2}
    say_model(root, "devices", **{"task": "binary", "architecture": STILL, **MODELS["plain"], "trainer": trainer})
    done = subprocess.run(
        [sys.executable, ROOT / "pipelines/train.py", "devices"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    plain, devices = (root / f"models/{name}/train/network.safetensors" for name in ("plain", "devices"))
    assert devices.read_bytes() == plain.read_bytes()


def test_only_the_first_process_speaks(trained: tuple[Path, Path, str]) -> None:
    lines = [line for line in trained[2].splitlines() if line.startswith("epoch 1 of 4,")]
    assert len(lines) == 2  # of the models `plain` and `normal`


def test_parts_of_a_batch_are_the_batch() -> None:
    rows = TensorRows(torch.arange(7.0)[:, None], torch.arange(7.0))
    whole = [set(batch.y.tolist()) for batch in Batches(rows, 2, 1, Ranks())]
    parts = [list(Batches(rows, 2, 1, Ranks(2, rank, 2))) for rank in (0, 1)]
    assert [set(a.y.tolist()) | set(b.y.tolist()) for a, b in zip(*parts, strict=True)] == whole
    assert [len(batch.y) for batch in parts[1]] == [1, 1, 1]
    assert [batch.whole for batch in parts[1]] == [2, 2, 3]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, Ranks()),
        ({"WORLD_SIZE": "4"}, Ranks()),
        ({"WORLD_SIZE": "4", "RANK": "3", "LOCAL_WORLD_SIZE": "2"}, Ranks(4, 3, 2)),
    ],
)
def test_ranks_are_what_torchrun_says(env: dict[str, str], expected: Ranks) -> None:
    assert Ranks.of(env) == expected


@pytest.mark.parametrize("env", [{"RANK": "0"}, {"RANK": "2", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1"},
                                 {"RANK": "1", "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "2"}])  # fmt: skip
def test_ranks_that_contradict_each_other_are_refused(env: dict[str, str]) -> None:
    with pytest.raises(MlopsError, match="ranks do not fit"):
        Ranks.of(env)
