"""Rows of training varied by chance, the same for equal steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from mlops.config.schema.augment import Augment
from mlops.config.schema.model import Model
from mlops.config.schema.training import Loss
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.pictures import Picture
from mlops.workloads.training.families.network import learner
from mlops.workloads.training.families.network.augment import Augmenter, Step
from mlops.workloads.training.families.network.batches import Batch
from mlops.workloads.training.families.network.objective import Objective
from mlops.workloads.training.train import train
from tests.workloads.picture_project import say_network, say_photos, write_digits

PICTURE = Picture(1, (3, 6, 6))
ROWS = torch.linspace(-1, 1, 4 * 110).reshape(4, 110).sin()


def varied(step: int = 0, *, seed: int = 7, **fields: Any) -> torch.Tensor:
    augmenter = Augmenter(Augment(**fields), [PICTURE], seed)
    return augmenter.vary(ROWS, augmenter._chance(Step(0, step)))


@pytest.mark.parametrize(
    ("field", "value"),
    [("rotate", 30), ("scale", 0.2), ("shift", 0.2), ("crop", 0.3), ("flip", "both"), ("noise", 0.1), ("brightness", 0.2),
     ("contrast", 0.3), ("colour", 0.5)],
)  # fmt: skip
def test_each_kind_of_variation_changes_images_alone(field: str, value: Any) -> None:
    found = varied(**{field: value})
    assert not torch.equal(found[:, 1:109], ROWS[:, 1:109])
    assert torch.equal(found[:, [0, 109]], ROWS[:, [0, 109]])
    assert torch.equal(found, varied(**{field: value}))
    assert not torch.equal(found, varied(1, **{field: value}))
    assert not torch.equal(found, varied(seed=8, **{field: value}))


def test_rows_stay_as_they_are_where_nothing_is_asked_for() -> None:
    assert torch.equal(varied(), ROWS)


@pytest.mark.parametrize(("flip", "axis"), [("horizontal", 3), ("vertical", 2)])
def test_flipped_image_is_its_mirror_image(flip: str, axis: int) -> None:
    images = ROWS[:, 1:109].reshape(4, 3, 6, 6)
    for step in range(4):
        for before, after in zip(images, varied(step, flip=flip)[:, 1:109].reshape(4, 3, 6, 6), strict=True):
            mirrored = before.flip(axis - 1)
            assert torch.allclose(after, before, atol=1e-5) or torch.allclose(after, mirrored, atol=1e-5)


def test_mixed_up_rows_have_the_loss_of_both() -> None:
    torch.manual_seed(0)
    network = nn.Linear(110, 1)
    batch = Batch(ROWS, torch.tensor([0.0, 1.0, 0.0, 1.0]), None, 4)
    objective = Objective(Task.BINARY, Loss(name="bce"))
    plain = objective.of_batch(network(ROWS), batch)
    losses = [
        Augmenter(Augment(mix_up=1.0), [], 7).loss(network, objective, batch, Step(0, step)).item() for step in range(3)
    ]
    assert len(set(losses)) == 3
    assert Augmenter(Augment(), [], 7).loss(network, objective, batch, Step(0, 0)).item() == plain.item()


def test_family_without_images_refuses_to_vary_them() -> None:
    fields: dict[str, Any] = {"dataset": "rows", "task": "binary", "architecture": {"name": "mlp"}}
    assert Model(**fields, augment={"mix_up": 0.2}).augment
    with pytest.raises(ValidationError, match="sees no images"):
        Model(**fields, augment={"rotate": 10})


class Killed(Exception):
    """Stands for a signal that ends the process."""


def test_killed_training_with_augmentation_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_digits(tmp_path / "photos", 100, classes=2)
    say_photos(tmp_path)
    augment = {"rotate": 10, "shift": 0.1, "noise": 0.1, "mix_up": 0.2}
    say_network(
        tmp_path, task="binary", trainer={"max_epochs": 4, "batch_size": 32, "early_stopping": None}, augment=augment
    )
    prepare("rows")
    train("m")
    weights = tmp_path / "models/m/train/network.safetensors"
    undisturbed = weights.read_bytes()
    report = learner.Learner._report

    def killed(self: Any, measured: dict[str, float]) -> None:
        if measured["epoch"] == 2:
            raise Killed
        report(self, measured)

    monkeypatch.setattr(learner.Learner, "_report", killed)
    with pytest.raises(Killed):
        train("m")
    monkeypatch.setattr(learner.Learner, "_report", report)
    train("m")
    assert weights.read_bytes() == undisturbed
