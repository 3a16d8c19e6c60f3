"""How long training takes.

Lives here: the loop that models are trained with, beside a bare PyTorch loop and beside Lightning with a DataLoader.
Not here: reading data, export. Ours keeps checkpoints and logs meanwhile.
Law: the same network, rows, batches, optimiser and validation for all; turn by turn, one thread.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from bench.command import ROOT
from bench.training_images import image_rows
from bench.training_trees import tree_rows
from mlops.config.schema.families.mlp import Mlp
from mlops.config.schema.training import Loss, Optimizer, Trainer
from mlops.metrics.task import Task
from mlops.workloads.features.columns import feature_types, read_columns
from mlops.workloads.features.fit import fit
from mlops.workloads.features.graph import Graph, build_graph
from mlops.workloads.stage import PROGRESS
from mlops.workloads.training.data import PreparedData, targets
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.mlp import MlpFamily
from mlops.workloads.training.families.network.batches import TensorRows
from mlops.workloads.training.families.network.epochs import EpochMetrics
from mlops.workloads.training.families.network.learn import learn
from mlops.workloads.training.families.network.learner import Learner
from mlops.workloads.training.families.network.objective import Objective
from mlops.workloads.training.families.network.pace import Pace
from mlops.workloads.training.families.network.predictor import Predictor
from mlops.workloads.training.families.network.ranks import Ranks
from mlops.workloads.training.run_log import RunLog

EPOCHS, BATCH, RATE, DECAY = 2, 1024, 1e-3, 0.1
AT_MOST, AT_LEAST = 1.05, 2.0


def rows(repeat: int) -> list[dict[str, Any]]:
    os.environ[PROGRESS] = os.devnull
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    train, val = _features()
    turns: dict[str, Callable[[], None]] = {
        "ours": lambda: _ours(train, val), "bare": lambda: _bare(train, val), "rows": lambda: _data_loader(train, val)
    }  # fmt: skip
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for turn in range(max(2, repeat) + 1):
        for name, work in turns.items():
            if name == "rows" and turn > 2:
                continue
            started = time.perf_counter()
            work()
            if turn:
                taken[name].append(time.perf_counter() - started)
    ours, bare, by_rows = (statistics.median(taken[name]) for name in ("ours", "bare", "rows"))
    named = f"train {len(train.x):,} rows, {EPOCHS} epochs, s"
    return [
        {"name": f"{named} (peer: bare PyTorch loop over slices)", "ours": ours, "peer": bare, "ratio": ours / bare,
         "budget": AT_MOST, "holds": ours / bare <= AT_MOST},
        {"name": f"{named} (peer: Lightning as it comes, DataLoader over rows)", "ours": ours, "peer": by_rows, "ratio": by_rows / ours,
         "budget": AT_LEAST, "holds": by_rows / ours >= AT_LEAST},
        *image_rows(repeat),
        *tree_rows(repeat),
    ]  # fmt: skip


def _features() -> tuple[TensorRows, TensorRows]:
    """The reference project's own, of the data set that is prepared in the checkout."""
    data = PreparedData.open("flights", ROOT)
    schema = json.loads((Path(data.folder) / "schema.json").read_text())
    types = feature_types(schema)
    columns = read_columns(data.folder / "train.parquet", types)
    transform = Graph(build_graph(fit(schema, columns)).SerializeToString())
    rows = []
    for split in ("train", "val"):
        x = transform(columns if split == "train" else data.columns(split))
        y = targets(Task.BINARY, data.labels(split), [False, True])
        rows.append(TensorRows(torch.from_numpy(x), torch.from_numpy(y)))
    return rows[0], rows[1]


def _network(width: int) -> nn.Module:
    torch.manual_seed(7)
    return MlpFamily().build(Mlp(name="mlp", hidden=(128, 64), dropout=0.3), width=width, outputs=1)


def _ours(train: TensorRows, val: TensorRows) -> None:
    optimizer = Optimizer(lr=RATE, weight_decay=DECAY, schedule="one_cycle")
    metrics = EpochMetrics(val.y.numpy(), (), "val_loss")
    trainer = Trainer(max_epochs=EPOCHS, batch_size=BATCH)
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        learner = Learner(
            Predictor(_network(train.x.shape[1]), Task.BINARY), Objective(Task.BINARY, Loss(name="bce")), optimizer, val=val,
            metrics=metrics, pace=Pace.of(trainer, len(train.x)), spec=trainer, log=RunLog.begin(Path(folder), "m"),
        )  # fmt: skip
        learn(learner, train, trainer, Ranks(), Checkpoint(Path(folder) / "checkpoint", lambda: b"bench"))


def _bare(train: TensorRows, val: TensorRows) -> None:
    network = _network(train.x.shape[1])
    steps = EPOCHS * -(-len(train.x) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        network.train()
        order = torch.randperm(len(train.x))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            loss = functional.binary_cross_entropy_with_logits(network(train.x[chosen]).squeeze(1), train.y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        network.eval()
        with torch.no_grad():
            for start in range(0, len(val.x), 16_384):
                part = slice(start, start + 16_384)
                float(functional.binary_cross_entropy_with_logits(network(val.x[part]).squeeze(1), val.y[part]))


class _Usual(lightning.LightningModule):
    """A LightningModule as the tutorials write it."""

    def __init__(self, network: nn.Module, steps: int) -> None:
        super().__init__()
        self.network, self.steps = network, steps

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        x, y = batch
        loss = functional.binary_cross_entropy_with_logits(self.network(x).squeeze(1), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        x, y = batch
        self.log("val_loss", functional.binary_cross_entropy_with_logits(self.network(x).squeeze(1), y))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _data_loader(train: TensorRows, val: TensorRows) -> None:
    """With what Lightning does unasked: a logger, a progress bar and a checkpoint."""
    steps = EPOCHS * -(-len(train.x) // BATCH)
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder, contextlib.redirect_stdout(io.StringIO()):
        trainer = lightning.Trainer(max_epochs=EPOCHS, accelerator="cpu", default_root_dir=folder)
        trainer.fit(
            _Usual(_network(train.x.shape[1]), steps),
            DataLoader(TensorDataset(train.x, train.y), batch_size=BATCH, shuffle=True),
            DataLoader(TensorDataset(val.x, val.y), batch_size=BATCH),
        )
