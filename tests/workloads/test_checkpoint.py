"""A family that keeps how far it is, killed in the middle of its training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from mlops.workloads.data.prepare import prepare
from mlops.workloads.training import train as stage
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.family import Family, Fit, Fitted
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model


class Mean(Fitted):
    def __init__(self, value: float, steps: int) -> None:
        self.value, self.summary = value, {"steps": steps}

    def predict(self, x: Any) -> Any:
        return np.full(len(x), self.value, np.float32)

    def save(self, folder: Path) -> None:
        (folder / "mean.json").write_text(json.dumps(self.value))

    def to_onnx(self, output: str) -> Any:
        raise NotImplementedError


class Counting(Family):
    """Counts to four, one step at a time, and is killed before step `killed_at`."""

    killed_at: ClassVar[int | None] = None
    taken: ClassVar[list[int]] = []

    def fit(self, fit: Fit) -> Fitted:
        state = fit.checkpoint.read()
        for step in range(int(state) if state else 0, 4):
            if step == self.killed_at:
                raise KeyboardInterrupt
            self.taken.append(step)
            fit.checkpoint.write(str(step + 1).encode())
        return Mean(float(fit.train.y.mean()), 4)

    def load(self, folder: Path, description: object) -> Fitted:
        raise NotImplementedError


@pytest.fixture
def killed(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose training was killed after two of four steps."""
    monkeypatch.setattr(stage, "family_named", lambda name: Counting())
    monkeypatch.setattr(Counting, "taken", [])
    say_model(project, "m", task="binary")
    prepare("rows")
    monkeypatch.setattr(Counting, "killed_at", 2)
    with pytest.raises(KeyboardInterrupt):
        train("m")
    monkeypatch.setattr(Counting, "killed_at", None)
    return project


def test_killed_training_goes_on_where_it_was(killed: Path) -> None:
    train("m")
    assert Counting.taken == [0, 1, 2, 3]
    assert json.loads((killed / "models/m/train/summary.json").read_text())["steps"] == 4
    assert not list((killed / ".mlops/checkpoints").iterdir())


def test_training_with_other_parameters_begins_anew(killed: Path) -> None:
    say_model(killed, "m", task="binary", trainer={"seed": 8})
    train("m")
    assert Counting.taken == [0, 1, 0, 1, 2, 3]


def test_training_on_other_rows_begins_anew(killed: Path) -> None:
    say_dataset(killed, split={"by": "random", "val": "20%", "test": "20%"})
    prepare("rows")
    train("m")
    assert Counting.taken == [0, 1, 0, 1, 2, 3]


def test_damaged_checkpoint_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "m"
    checkpoint = Checkpoint(path, lambda: b"one")
    checkpoint.write(b"state")
    assert checkpoint.read() == b"state"
    path.write_bytes(path.read_bytes()[1:])
    assert checkpoint.read() is None
    checkpoint.clear()
    assert Checkpoint(path, lambda: b"one").read() is None
