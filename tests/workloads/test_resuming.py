"""A network whose training is killed: it goes on where it was, to the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops.workloads.stage import PROGRESS
from mlops.workloads.training.families.family import Fitted
from mlops.workloads.training.families.network.learner import Learner
from tests.workloads.learning import MLP, fit_of, learn_from, weights_of

# Dropout draws random numbers, a batch norm remembers rows, and the rate of one_cycle depends on the step.
FIELDS: dict[str, Any] = {
    "architecture": {**MLP, "dropout": 0.2, "norm": "batch"},
    "optimizer": {"lr": 0.01},
}
Steps = list[tuple[int, int]]


class Killed(BaseException):
    """Stands in for SIGKILL: no code of the training runs after it but what leaves nothing behind."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRESS, os.devnull)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple[int, int] | None, Callable[[], None]], Steps]:
    """Gives a function that lets something happen before one step, and returns the list of the steps that are taken."""
    original = Learner.training_step

    def watch(step: tuple[int, int] | None, happens: Callable[[], None]) -> Steps:
        taken: Steps = []

        def training_step(self: Any, batch: Any, index: int) -> Any:
            if (self.current_epoch, index) == step:
                happens()
            taken.append((self.current_epoch, index))
            return original(self, batch, index)

        monkeypatch.setattr(Learner, "training_step", training_step)
        return taken

    return watch


def train_10_epochs(folder: Path, **checkpoint: float) -> Fitted:
    trainer = {"max_epochs": 10, "batch_size": 32, "checkpoint": checkpoint}
    return learn_from(fit_of(folder, **FIELDS, trainer=trainer))


def kill() -> None:
    raise Killed


def ask_to_end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("at", "happens", "checkpoint", "goes_on"),
    [
        ((6, 3), kill, {}, (6, 0)),
        ((6, 3), kill, {"every_epochs": 4}, (4, 0)),
        ((6, 3), kill, {"every_minutes": 1e-9}, (6, 3)),
        ((0, 3), kill, {"every_minutes": 1e-9}, (0, 3)),
        ((6, 3), ask_to_end, {"every_epochs": 20}, (6, 4)),
        ((6, 6), ask_to_end, {}, (7, 0)),  # the last step of an epoch
    ],
)
def test_killed_training_goes_on_to_the_same_bits(
    tmp_path: Path, steps: Any, at: tuple[int, int], happens: Callable[[], None], checkpoint: dict[str, float],
    goes_on: tuple[int, int],
) -> None:  # fmt: skip
    undisturbed = train_10_epochs(tmp_path / "one")
    steps(at, happens)
    with pytest.raises((Killed, SystemExit)):
        train_10_epochs(tmp_path / "two", **checkpoint)
    taken = steps(None, kill)
    resumed = train_10_epochs(tmp_path / "two", **checkpoint)
    assert taken[0] == goes_on
    assert resumed.logged == undisturbed.logged
    assert resumed.summary == undisturbed.summary
    for one, two in zip(weights_of(undisturbed), weights_of(resumed), strict=True):
        assert np.array_equal(one, two)


SCRIPT = """\
import sys
from pathlib import Path
from mlops.workloads.training.families.network import learner
from tests.workloads.learning import fit_of, learn_from
import os, signal
fit = fit_of(Path(sys.argv[1]), trainer={"max_epochs": 10, "batch_size": 32})
step = learner.Learner.training_step
def training_step(self, batch, index):
    if self.current_epoch == 6 and index == 2 and len(sys.argv) > 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)
learner.Learner.training_step = training_step
learn_from(fit).save(Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_sigkill_in_epoch_7_of_10_changes_no_bit(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]

    def run(folder: str, *more: str) -> tuple[int, str]:
        (tmp_path / folder).mkdir(exist_ok=True)
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / folder), *more]
        env = {name: value for name, value in os.environ.items() if name != PROGRESS}
        done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert run("one")[0] == 0
    status, said = run("two", "killed")
    assert status == -signal.SIGKILL, said
    assert "epoch 6 of 10" in said
    assert "epoch 7 of 10" not in said
    status, said = run("two")
    assert status == 0, said
    assert "epoch 6 of 10" not in said
    assert "epoch 7 of 10" in said
    one, two = (tmp_path / folder / "network.safetensors" for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
