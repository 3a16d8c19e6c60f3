"""How networks learn: what is chosen where nobody says it, and what is kept of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.metrics import r2_score, roc_auc_score

from mlops.config.schema.model import Model
from mlops.config.schema.training import Trainer
from mlops.workloads.stage import PROGRESS
from mlops.workloads.training.families.network.batches import Batches, TensorRows
from mlops.workloads.training.families.network.epochs import Epochs
from mlops.workloads.training.families.network.pace import Pace
from mlops.workloads.training.families.network.ranks import Ranks
from tests.workloads.learning import MLP, examples, fit_of, learn_from, weights_of

import torch  # isort: skip


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRESS, os.devnull)


@pytest.mark.parametrize(
    ("rows", "size", "epochs"), [(100, 32, 200), (300, 32, 200), (4_000, 64, 32), (217_727, 1_024, 10), (5_000_000, 1_024, 5)]
)  # fmt: skip
def test_batch_size_and_epochs_follow_from_the_rows(rows: int, size: int, epochs: int) -> None:
    assert Pace.of(Trainer(), rows) == Pace(size, epochs, epochs // 2)


def test_pace_that_the_trainer_names_is_taken() -> None:
    trainer = Trainer.model_validate({"max_epochs": 7, "batch_size": 50, "early_stopping": {"patience": 2}})
    assert Pace.of(trainer, 1_000) == Pace(50, 7, 2)


def test_label_of_a_regression_is_learned_in_its_own_size(tmp_path: Path) -> None:
    trainer = {"max_epochs": 15}
    test = examples("regression", 100, seed=3)
    scaled = learn_from(fit_of(tmp_path, "regression", trainer=trainer))
    assert r2_score(test.y, scaled.predict(test.x)) > 0.7
    plain = fit_of(tmp_path, "regression", trainer=trainer, loss={"name": "mse", "standardize": False})
    assert r2_score(test.y, learn_from(plain).predict(test.x)) < 0


def test_scaled_label_survives_save_and_load(tmp_path: Path) -> None:
    from mlops.metrics.task import Task
    from mlops.workloads.training.description import Description
    from mlops.workloads.training.families.family import family_named

    fit = fit_of(tmp_path, "regression", trainer={"max_epochs": 1})
    fitted = learn_from(fit)
    fitted.save(tmp_path)
    description = Description(fit.spec.architecture.model_dump(mode="json"), Task.REGRESSION, [], 4, 1, "d")
    again = family_named("mlp").load(tmp_path, description)
    assert np.array_equal(again.predict(fit.val.x), fitted.predict(fit.val.x))


def test_weights_of_the_best_epoch_are_kept_and_named(tmp_path: Path) -> None:
    high = {"lr": 0.3, "schedule": "constant"}  # too high: the last epoch is a bad one
    fields: dict[str, Any] = {"optimizer": high, "trainer": {"max_epochs": 8, "early_stopping": None}}
    fitted = learn_from(fit_of(tmp_path, **fields))
    values = [row["val_auc"] for row in fitted.logged]
    kept = fitted.summary["kept"]
    assert (fitted.summary["epochs"], fitted.summary["max_epochs"]) == (8, 8)
    assert kept["val_auc"] == max(values) > values[-1]
    val = examples("binary", 80, seed=2)
    assert roc_auc_score(val.y, fitted.predict(val.x)) == pytest.approx(kept["val_auc"])
    fields["trainer"]["keep"] = "last"
    last = learn_from(fit_of(tmp_path, **fields))
    assert last.summary["kept"] == {"epoch": 8, "val_auc": values[-1]}
    assert roc_auc_score(val.y, last.predict(val.x)) == pytest.approx(values[-1])


@pytest.mark.parametrize("monitor", ["val_loss", "train_loss", "val_accuracy"])
def test_early_stopping_looks_at_what_it_is_given(tmp_path: Path, monitor: str) -> None:
    stopping = {"monitor": monitor, "patience": 1, "min_delta": 10.0}  # nothing is ever better by 10
    fitted = learn_from(fit_of(tmp_path, trainer={"max_epochs": 6, "early_stopping": stopping}))
    assert len(fitted.logged) == 2
    assert set(fitted.logged[0]) == {"epoch", "train_loss", "val_loss", "val_auc", monitor}
    assert monitor in fitted.summary["kept"]


def test_equal_epochs_are_told_apart_by_their_loss() -> None:
    epochs = Epochs("val_accuracy")
    rows = [(0.9, 0.5), (1.0, 0.4), (1.0, 0.3), (1.0, 0.35), (float("nan"), 0.1)]
    best = [epochs.add({"val_accuracy": value, "val_loss": loss}) for value, loss in rows]
    assert best == [True, True, True, False, False]
    assert (epochs.best, epochs.waited) == (2, 3)


def test_last_batch_of_one_row_joins_the_one_before(tmp_path: Path) -> None:
    rows = TensorRows(torch.zeros(33, 2), torch.zeros(33))
    assert [len(batch.y) for batch in Batches(rows, 16, 7, Ranks())] == [16, 17]
    normal = {**MLP, "norm": "batch"}
    trainer = {"max_epochs": 1, "batch_size": 16}
    assert np.isfinite(weights_of(learn_from(fit_of(tmp_path, rows=33, architecture=normal, trainer=trainer)))[0]).all()


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_precision_changes_the_weights_and_little_else(tmp_path: Path, precision: str, task: str) -> None:
    trainer = {"max_epochs": 2, "precision": "32-true"}
    usual = learn_from(fit_of(tmp_path, task, trainer=trainer))
    other = learn_from(fit_of(tmp_path, task, trainer={**trainer, "precision": precision}))
    assert any((one != two).any() for one, two in zip(weights_of(usual), weights_of(other), strict=True))
    test = examples(task, 50, seed=4)
    np.testing.assert_allclose(other.predict(test.x), usual.predict(test.x), rtol=0.1, atol=0.1)


def test_precision_that_needs_a_gpu_is_refused_without_one() -> None:
    fields = {"dataset": "d", "task": "binary", "architecture": MLP, "trainer": {"precision": "16-mixed"}}
    with pytest.raises(ValidationError, match="needs a GPU"):
        Model.model_validate(fields)
    Model.model_validate({**fields, "trainer": {"precision": "16-mixed", "accelerator": "gpu"}})


@pytest.mark.parametrize("loss", [{"name": "bce"}, {"name": "focal"}])
def test_balance_makes_the_rarer_class_likelier(tmp_path: Path, loss: dict[str, Any]) -> None:
    trainer = {"max_epochs": 10, "keep": "last"}
    fit = fit_of(tmp_path, trainer=trainer, loss=loss)
    fit.train.y[:] = fit.train.x[:, 0] > 1  # 16 %
    plain = learn_from(fit).predict(fit.val.x)
    balanced = fit_of(tmp_path, trainer=trainer, loss={**loss, "balance": True})
    balanced.train.y[:] = fit.train.y
    assert learn_from(balanced).predict(fit.val.x).mean() > plain.mean() + 0.05
