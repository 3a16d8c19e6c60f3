"""How long training on images takes.

Lives here: the loop that networks of convolutions are trained with, beside a bare PyTorch loop.
Not here: networks of numbers (training).
Law: the same network, images, batches, optimiser and validation for both; turn by turn, one thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from mlops.config.schema.families.cnn import Cnn
from mlops.config.schema.training import Loss, Optimizer, Trainer
from mlops.metrics.task import Task
from mlops.workloads.features.pictures import Picture
from mlops.workloads.training.families.cnn import CnnFamily
from mlops.workloads.training.families.network.batches import TensorRows
from mlops.workloads.training.families.network.epochs import EpochMetrics
from mlops.workloads.training.families.network.learn import learn
from mlops.workloads.training.families.network.learner import Learner
from mlops.workloads.training.families.network.objective import Objective
from mlops.workloads.training.families.network.pace import Pace
from mlops.workloads.training.families.network.predictor import Predictor
from mlops.workloads.training.families.network.ranks import Ranks

EPOCHS, BATCH, RATE, DECAY, SIDE, VAL = 5, 64, 1e-3, 0.1, 16, 297
AT_MOST = 1.05


def image_rows(repeat: int) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    train, val = _digits()
    turns: dict[str, Callable[[], None]] = {"ours": lambda: _ours(train, val), "bare": lambda: _bare(train, val)}
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for turn in range(max(4, repeat) + 1):
        for name, work in turns.items():
            started = time.perf_counter()
            work()
            if turn:
                taken[name].append(time.perf_counter() - started)
    ours, bare = (statistics.median(taken[name]) for name in turns)
    named = f"train a CNN on {len(train.x):,} images of {SIDE} × {SIDE}, {EPOCHS} epochs, s"
    return [
        {"name": f"{named} (peer: bare PyTorch loop over slices)", "ours": ours, "peer": bare, "ratio": ours / bare,
         "budget": AT_MOST, "holds": ours / bare <= AT_MOST},
    ]  # fmt: skip


def _digits() -> tuple[TensorRows, TensorRows]:
    """The digits of scikit-learn, each pixel as four."""
    digits = load_digits()
    images = np.kron(digits.images / 16, np.ones((2, 2))).astype(np.float32).reshape(len(digits.target), -1)
    x, y = torch.from_numpy(images), torch.from_numpy(digits.target.astype(np.int64))
    return TensorRows(x[VAL:], y[VAL:]), TensorRows(x[:VAL], y[:VAL])


def _network() -> nn.Module:
    torch.manual_seed(7)
    picture = Picture(0, (1, SIDE, SIDE))
    return CnnFamily().make(Cnn(name="cnn"), width=picture.end, outputs=10, pictures=[picture])


def _ours(train: TensorRows, val: TensorRows) -> None:
    optimizer = Optimizer(lr=RATE, weight_decay=DECAY, schedule="one_cycle", decay_all=True)
    trainer = Trainer(max_epochs=EPOCHS, batch_size=BATCH, early_stopping=None)
    learner = Learner(
        Predictor(_network(), Task.MULTICLASS), Objective(Task.MULTICLASS, Loss(name="cross_entropy")), optimizer, val=val,
        metrics=EpochMetrics(val.y.numpy(), (), "val_loss"), pace=Pace.of(trainer, len(train.x)), spec=trainer,
    )  # fmt: skip
    learn(learner, train, trainer, Ranks())


def _bare(train: TensorRows, val: TensorRows) -> None:
    network = _network()
    steps = EPOCHS * -(-len(train.x) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        network.train()
        order = torch.randperm(len(train.x))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            loss = functional.cross_entropy(network(train.x[chosen]), train.y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        network.eval()
        with torch.no_grad():
            float(functional.cross_entropy(network(val.x), val.y))
