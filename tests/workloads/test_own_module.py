"""A LightningModule of the user trains itself: its steps, optimisers, callbacks and loaders are the ones that run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.export import export
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_model

_HEAD = """
import lightning, torch
from lightning.pytorch.callbacks import Callback
from torch import nn
from torch.nn import functional
from torch.utils import data

class Net(lightning.LightningModule):
    def __init__(self, width, outputs, hidden=8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    def forward(self, x):
        return self.layers(x)
"""
_STEP = """
    def training_step(self, batch, index):
        x, y = batch
        loss = functional.binary_cross_entropy_with_logits(self(x).squeeze(1), y)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss
"""
_OPTIMIZER = """
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-2)
"""
_VALIDATION = """
    def validation_step(self, batch, index):
        x, y = batch
        assert not self.training
        self.log("val_loss", functional.binary_cross_entropy_with_logits(self(x).squeeze(1), y))
"""


class Workshop:
    """Trains a class `Net` whose body a test writes."""

    def __init__(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = project
        self._module = f"own_{abs(hash(str(project)))}"
        monkeypatch.syspath_prepend(project)
        prepare("rows")

    def train(self, *parts: str, **fields: Any) -> list[dict[str, float]]:
        """Return what each epoch logged."""
        (self.project / f"{self._module}.py").write_text(_HEAD + "".join(parts))
        architecture = {"name": "custom", "_target_": f"{self._module}.Net"}
        say_model(self.project, "m", **{"task": "binary", "architecture": architecture, **fields})
        train("m")
        history: list[dict[str, float]] = json.loads((self.project / "models/m/train/history.json").read_text())
        return history


@pytest.fixture
def workshop(project: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(project, monkeypatch)


def test_steps_of_ones_own_are_the_training(workshop: Workshop) -> None:
    history = workshop.train(_STEP, _OPTIMIZER, _VALIDATION)
    assert set(history[0]) == {"epoch", "train_loss", "val_loss", "val_auc"}
    assert history[-1]["val_loss"] < history[0]["val_loss"]
    evaluate("m")
    export("m")
    assert json.loads((workshop.project / "metrics/model/m.json").read_text())["test_auc"] > 0.85


def test_training_with_steps_of_ones_own_repeats_bit_for_bit(workshop: Workshop) -> None:
    weights = workshop.project / "models/m/train/network.safetensors"
    workshop.train(_STEP, _OPTIMIZER, trainer={"max_epochs": 2})
    first = weights.read_bytes()
    train("m")
    assert weights.read_bytes() == first


def test_training_step_of_ones_own_decides_what_is_learned(workshop: Workshop) -> None:
    wrong = _STEP.replace(".squeeze(1), y)", ".squeeze(1), 1 - y)")
    assert workshop.train(wrong, _OPTIMIZER)[-1]["val_auc"] < 0.2


def test_optimizer_of_ones_own_moves_the_weights(workshop: Workshop) -> None:
    still = _OPTIMIZER.replace("lr=1e-2", "lr=0.0")
    history = workshop.train(_STEP, still, trainer={"max_epochs": 2})
    assert history[0]["val_auc"] == history[1]["val_auc"]


def test_optimizer_of_the_yaml_stands_in_where_the_module_has_none(workshop: Workshop) -> None:
    history = workshop.train(_STEP, optimizer={"lr": 1e-2}, trainer={"max_epochs": 3, "batch_size": 32})
    assert history[-1]["val_auc"] > 0.8


@pytest.mark.parametrize(
    ("section", "hook"),
    [({"loss": {"name": "focal"}}, "training_step"), ({"optimizer": {"lr": 0.1}}, "configure_optimizers")],
)
def test_section_that_the_module_would_not_read_is_refused(
    workshop: Workshop, section: dict[str, Any], hook: str
) -> None:
    with pytest.raises(MlopsError, match=f"`Net` defines `{hook}`, so nothing would read"):
        workshop.train(_STEP, _OPTIMIZER, **section)


class Killed(BaseException):
    """Stands in for SIGKILL."""


def test_module_whose_training_was_killed_goes_on_to_the_same_bits(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill = """
    def on_train_batch_start(self, batch, index):
        from pathlib import Path
        from tests.workloads.test_own_module import Killed
        if (self.current_epoch, index) == (3, 2) and Path("kill").exists():
            raise Killed
        if index == 0:
            with Path("epochs").open("a") as file:
                file.write(f"{self.current_epoch} ")
"""
    fields = {"trainer": {"max_epochs": 5, "batch_size": 64}, "optimizer": {"lr": 1e-2, "schedule": "one_cycle"}}
    whole = workshop.train(_STEP, _VALIDATION, kill, **fields)
    weights = workshop.project / "models/m/train/network.safetensors"
    undisturbed = weights.read_bytes()
    (workshop.project / "kill").touch()
    with pytest.raises(Killed):
        train("m")
    (workshop.project / "kill").unlink()
    (workshop.project / "epochs").unlink()
    train("m")
    assert (workshop.project / "epochs").read_text() == "3 4 "
    assert weights.read_bytes() == undisturbed
    assert json.loads((workshop.project / "models/m/train/history.json").read_text()) == whole


@pytest.mark.parametrize("field", [{"compile": True}, {"log_every_steps": 1}, {"average": {"name": "ema"}}])
def test_field_about_our_own_steps_is_refused(workshop: Workshop, field: dict[str, Any]) -> None:
    with pytest.raises(
        MlopsError, match=f"`trainer.{next(iter(field))}` is about our own steps, and `Net` takes its own"
    ):
        workshop.train(_STEP, _OPTIMIZER, trainer={"max_epochs": 1, **field})


def test_gradients_of_several_batches_make_one_step(workshop: Workshop) -> None:
    count = """
    def on_train_epoch_end(self):
        self.log("steps", float(self.trainer.global_step))
"""
    (epoch,) = workshop.train(_STEP, _OPTIMIZER, count, trainer={"max_epochs": 1, "batch_size": 64, "accumulate": 5})
    assert epoch["steps"] == 2


def test_callbacks_of_the_module_are_called(workshop: Workshop) -> None:
    stopper = """
    def configure_callbacks(self):
        class Stop(Callback):
            def on_train_epoch_end(self, trainer, module):
                trainer.should_stop = trainer.current_epoch == 1
        return [Stop()]
"""
    assert len(workshop.train(_STEP, _OPTIMIZER, stopper)) == 2


def test_loaders_of_the_module_take_the_place_of_ours(workshop: Workshop) -> None:
    loaders = """
    def train_dataloader(self):
        return self.loader(self.trainer.datamodule.train, 21, 7)

    def val_dataloader(self):
        return self.loader(self.trainer.datamodule.val, 5, 5)

    def loader(self, rows, count, size):
        return data.DataLoader(data.TensorDataset(rows.x[:count], rows.y[:count]), batch_size=size)

    def on_train_batch_start(self, batch, index):
        self.log("rows", float(len(batch[0])), on_step=False, on_epoch=True)
        self.log("steps", 1.0, on_step=False, on_epoch=True, reduce_fx="sum")

    def on_validation_batch_start(self, batch, index):
        self.log("val_rows", float(len(batch[0])))
"""
    history = workshop.train(_STEP, _OPTIMIZER, _VALIDATION, loaders, trainer={"max_epochs": 1})
    assert (history[0]["rows"], history[0]["steps"], history[0]["val_rows"]) == (7, 3, 5)


def test_epoch_with_the_best_value_is_the_one_that_is_kept(workshop: Workshop) -> None:
    worse = """
    def on_train_epoch_start(self):
        if self.current_epoch == 2:
            with torch.no_grad():
                self.layers[2].weight.neg_()
"""
    trainer = {"max_epochs": 6, "early_stopping": {"monitor": "val_loss", "patience": 2}, "batch_size": 256}
    history = workshop.train(_STEP, _OPTIMIZER, _VALIDATION, worse, trainer=trainer)
    best = min(history, key=lambda row: row["val_loss"])
    evaluate("m")
    metrics = json.loads((workshop.project / "metrics/model/m.json").read_text())
    assert metrics["val_auc"] == pytest.approx(best["val_auc"])
    assert len(history) < 6


def test_value_that_the_module_does_not_log_cannot_be_monitored(workshop: Workshop) -> None:
    with pytest.raises(MlopsError, match="is val_loss, and `Net` logged train_loss, val_auc as numbers in epoch 1"):
        workshop.train(_STEP, _OPTIMIZER, trainer={"max_epochs": 2, "early_stopping": {"monitor": "val_loss"}})


def test_module_that_lightning_cannot_train_is_refused_in_a_sentence(workshop: Workshop) -> None:
    manual = "\n    def __init__(self, width, outputs):\n        super().__init__()\n        self.layers = nn.Linear(width, outputs)\n        self.automatic_optimization = False\n"
    with pytest.raises(MlopsError, match=r"Lightning cannot train `Net` as it is: .*gradient"):
        workshop.train(manual, _STEP, _OPTIMIZER, trainer={"max_epochs": 1, "gradient_clip": 1.0})


def test_module_without_a_training_step_is_trained_as_a_network(workshop: Workshop) -> None:
    history = workshop.train(optimizer={"lr": 1e-2}, loss={"name": "focal"})
    assert history[-1]["train_loss"] < history[0]["train_loss"]
