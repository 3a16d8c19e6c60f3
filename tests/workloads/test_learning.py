"""How networks learn: what is chosen where nobody says it, and what is kept of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import r2_score, roc_auc_score
from torch import nn

from mlops.config.schema.model import Model
from mlops.config.schema.training import Averaging, Optimizer, Trainer
from mlops.errors import MlopsError
from mlops.workloads.stage import PROGRESS
from mlops.workloads.training.families.network.averaging import Average
from mlops.workloads.training.families.network.batches import Batches, TensorRows
from mlops.workloads.training.families.network.epochs import Epochs
from mlops.workloads.training.families.network.optimizers import make_schedule, parameter_groups
from mlops.workloads.training.families.network.pace import Pace
from mlops.workloads.training.families.network.ranks import Ranks
from tests.workloads.learning import MLP, examples, fit_of, learn_from, weights_of


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRESS, os.devnull)


@pytest.mark.parametrize(
    ("rows", "size", "epochs"), [(100, 32, 200), (300, 32, 200), (4_000, 64, 32), (217_727, 1_024, 10), (500_000, 1_024, 5)]
)  # fmt: skip
def test_batch_size_and_epochs_follow_from_the_rows(rows: int, size: int, epochs: int) -> None:
    assert Pace.of(Trainer(), rows) == Pace(size, -(-rows // size), epochs, epochs // 2)


def test_pace_that_the_trainer_names_is_taken() -> None:
    trainer = Trainer.model_validate({"max_epochs": 7, "batch_size": 50, "early_stopping": {"patience": 2}})
    assert Pace.of(trainer, 1_000) == Pace(50, 20, 7, 2)


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


def test_batches_of_one_row_cannot_be_normalised() -> None:
    fields = {"dataset": "d", "task": "binary", "architecture": {**MLP, "norm": "batch"}, "trainer": {"batch_size": 1}}
    with pytest.raises(ValidationError, match="nothing to normalise"):
        Model.model_validate(fields)


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


def test_row_of_a_class_counts_what_is_given(tmp_path: Path) -> None:
    trainer = {"max_epochs": 10, "keep": "last"}
    plain = learn_from(fit_of(tmp_path, trainer=trainer))
    loss = {"name": "bce", "class_weights": {True: 5}}
    weighed = learn_from(fit_of(tmp_path, trainer=trainer, loss=loss))
    val = examples("binary", 80, seed=2)
    assert weighed.predict(val.x).mean() > plain.predict(val.x).mean() + 0.05
    with pytest.raises(MlopsError, match="names yes; the label has the classes false, true"):
        learn_from(fit_of(tmp_path, loss={"name": "bce", "class_weights": {"yes": 5}}))


def test_rows_without_weight_teach_nothing(tmp_path: Path) -> None:
    fit = fit_of(tmp_path, rows=400, trainer={"max_epochs": 10, "keep": "last"})
    wrong = np.arange(400) >= 150
    fit.train.y[wrong] = 1 - fit.train.y[wrong]
    weighed = replace(fit, train=replace(fit.train, weights=(~wrong).astype(np.float64)))
    assert roc_auc_score(fit.val.y, learn_from(fit).predict(fit.val.x)) < 0.5
    assert roc_auc_score(fit.val.y, learn_from(weighed).predict(fit.val.x)) > 0.8


def test_smoothed_labels_leave_doubt(tmp_path: Path) -> None:
    for task, name in (("binary", "bce"), ("multiclass", "cross_entropy")):
        trainer = {"max_epochs": 40, "keep": "last", "early_stopping": None}
        sure = learn_from(fit_of(tmp_path, task, trainer=trainer)).predict(examples(task, 80).x)
        smooth = fit_of(tmp_path, task, trainer=trainer, loss={"name": name, "label_smoothing": 0.4})
        assert learn_from(smooth).predict(examples(task, 80).x).max() < sure.max() - 0.02
    with pytest.raises(ValidationError, match="no classes to share"):
        fit_of(tmp_path, "regression", loss={"name": "mse", "label_smoothing": 0.1})


def test_l1_makes_weights_of_noise_zero(tmp_path: Path) -> None:
    linear: dict[str, Any] = {"architecture": {"name": "linear"}, "trainer": {"max_epochs": 40, "keep": "last"}}
    plain = weights_of(learn_from(fit_of(tmp_path, **linear)))[0]
    sparse = weights_of(learn_from(fit_of(tmp_path, **linear, optimizer={"l1": 0.1})))[0]
    assert np.abs(sparse[0, 2:]).sum() < 0.3 * np.abs(plain[0, 2:]).sum()


def test_decay_leaves_biases_and_norms_alone() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    groups = parameter_groups(network, Optimizer(weight_decay=0.1))
    assert [(len(group["params"]), group["weight_decay"]) for group in groups] == [(2, 0.1), (4, 0.0)]
    (group,) = parameter_groups(network, Optimizer(weight_decay=0.1, decay_all=True))
    assert (len(group["params"]), group["weight_decay"]) == (6, 0.1)


def rates(epochs: int = 10, **fields: Any) -> list[float]:
    """Return the rate at each of 10 steps of each epoch; from epoch 3 on, no value is better."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make_schedule(optimizer, Optimizer(lr=1.0, **fields), steps=10 * epochs, epochs=epochs)
    found = []
    for epoch in range(epochs):
        for _ in range(10):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if schedule is not None:
                schedule.step()
        if schedule is not None and fields["schedule"] != "one_cycle":
            schedule.lr_lambdas[0].after_epoch(max(0, epoch - 2))
    return found


def test_schedules_go_as_they_say() -> None:
    assert set(rates(schedule="constant")) == {1.0}
    assert np.argmax(rates(schedule="one_cycle")) == pytest.approx(30, abs=1)
    assert np.argmax(rates(schedule="one_cycle", warmup="50%")) == pytest.approx(50, abs=1)
    cosine = rates(schedule="cosine")
    assert (cosine[0], cosine[50]) == (1.0, pytest.approx(0.5))
    assert cosine[-1] < 0.001
    step = rates(schedule="step", interval=4, factor=0.5)
    assert [step[at] for at in (0, 39, 40, 79, 80)] == [1, 1, 0.5, 0.5, 0.25]
    plateau = rates(schedule="plateau", interval=2, factor=0.5)
    assert [plateau[at] for at in (0, 49, 52, 69, 72)] == [1, 1, 0.5, 0.5, 0.25]
    warm = rates(schedule="constant", warmup="20%")
    assert warm[:20] == sorted(warm[:20])
    assert warm[0] < 0.1
    assert set(warm[20:]) == {1.0}


def test_gradients_of_several_batches_make_one_step(tmp_path: Path) -> None:
    # By sgd, the mean of the gradients of two halves is the gradient of the whole.
    fields: dict[str, Any] = {"rows": 64, "optimizer": {"name": "sgd", "lr": 0.1, "schedule": "constant"}}
    trainer = {"max_epochs": 3, "keep": "last"}
    whole = learn_from(fit_of(tmp_path, **fields, trainer={**trainer, "batch_size": 64}))
    parts = learn_from(fit_of(tmp_path, **fields, trainer={**trainer, "batch_size": 32, "accumulate": 2}))
    for one, two in zip(weights_of(whole), weights_of(parts), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("average", [{"name": "ema", "decay": 0.99}, {"name": "swa", "start": "50%"}])
def test_mean_of_the_weights_is_what_is_measured_and_kept(tmp_path: Path, average: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"optimizer": {"lr": 0.1, "schedule": "constant"}}
    trainer = {"max_epochs": 6, "keep": "last", "early_stopping": None}
    plain = learn_from(fit_of(tmp_path, **fields, trainer=trainer))
    mean = learn_from(fit_of(tmp_path, **fields, trainer={**trainer, "average": average}))
    assert [row["train_loss"] for row in mean.logged] == [row["train_loss"] for row in plain.logged]
    assert mean.logged[-1]["val_loss"] != plain.logged[-1]["val_loss"]
    val = examples("binary", 80, seed=2)
    assert roc_auc_score(val.y, mean.predict(val.x)) == pytest.approx(mean.logged[-1]["val_auc"])


def test_ema_forgets() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = Average(Averaging(name="ema", decay=0.5), network, 4)
    for value in (100.0, *[1.0] * 20):
        nn.init.constant_(network.weight, value)
        average.after_step()
    with average.applied():
        assert network.weight.item() == pytest.approx(1.0, abs=1e-3)


def test_swa_is_the_plain_mean_of_the_last_epochs() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = Average(Averaging(name="swa", start=0.5), network, 4)
    for epoch, value in enumerate((10.0, 20.0, 1.0, 2.0)):
        nn.init.constant_(network.weight, value)
        average.after_epoch(epoch)
    with average.applied():
        assert network.weight.item() == 1.5
    assert network.weight.item() == 2.0


def test_compiled_network_learns_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch writes C++ and has it compiled here: half a minute."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    trainer = {"max_epochs": 2, "batch_size": 100}
    plain = learn_from(fit_of(tmp_path, trainer=trainer))
    assert not list(tmp_path.glob("compiled/**/*.so"))
    compiled = learn_from(fit_of(tmp_path, trainer={**trainer, "compile": True}))
    assert list(tmp_path.glob("compiled/**/*.so"))
    for before, after in zip(weights_of(plain), weights_of(compiled), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-5)


@pytest.mark.parametrize("loss", [{"balance": True}, {"class_weights": {"a": 2}}])
def test_classes_of_a_regression_cannot_be_weighed(tmp_path: Path, loss: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="weighs the classes of one label"):
        fit_of(tmp_path, "regression", loss={"name": "mse", **loss})
