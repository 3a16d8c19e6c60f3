"""Move weights.

Lives here: Learner (the LightningModule), Batches (tensors in slices), learn.
Not here: networks (training.families), files (family).
Law: one seed, one order of rows; nothing is logged per step, so that Lightning costs what a bare loop costs.
"""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, Timer
from torch import nn
from torch.nn import functional

from mlops.config.schema.training import Loss, Optimizer, Trainer
from mlops.metrics.metric import Direction
from mlops.metrics.table import direction_of
from mlops.metrics.task import Task
from mlops.workloads.stage import failed, say
from mlops.workloads.training.families.network.losses import pinball
from mlops.workloads.training.families.network.ranks import Ranks

_CHUNK = 16_384


@dataclass(frozen=True)
class TensorRows:
    """`x`: `[N, W]` FLOAT. `y`: `[N]` FLOAT (binary, regression) or LONG (class numbers)."""

    x: torch.Tensor
    y: torch.Tensor


class Batches:
    """Gives slices of tensors in a new order each epoch; Lightning takes it as a loader.

    Of each, this rank's part of the rows; where that is not the whole, the `y` of the whole follows. A part can be empty.
    """

    def __init__(self, rows: TensorRows, size: int, seed: int, ranks: Ranks) -> None:
        self.rows, self.size, self.ranks = rows, size, ranks
        self._order = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return math.ceil(len(self.rows.x) / self.size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        order = torch.randperm(len(self.rows.x), generator=self._order)
        x, y, ranks = self.rows.x, self.rows.y, self.ranks
        for start in range(0, len(order), self.size):
            chosen = order[start : start + self.size]
            if ranks.world == 1:
                yield x.index_select(0, chosen), y.index_select(0, chosen)
            else:
                part = chosen[ranks.rank :: ranks.world]
                yield x.index_select(0, part), y.index_select(0, part), y.index_select(0, chosen)


class Learner(lightning.LightningModule):
    """Trains a network. `weights`: those of the classes, where they are balanced. `history`: what each epoch measured."""

    def __init__(
        self, network: nn.Module, task: Task, loss: Loss, optimizer: Optimizer, *, val: TensorRows,
        weights: torch.Tensor | None = None, levels: Sequence[float] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        self.network = network
        self.task, self.loss, self.chosen = task, loss, optimizer
        self.history: list[dict[str, float]] = []
        self._val = val
        self._sum = torch.zeros(())
        self._started = 0.0
        self.levels = torch.tensor(levels)
        self.register_buffer("weights", weights, persistent=False)

    def on_train_start(self) -> None:
        """Have each rank drop out other units; the first drops those that it would drop alone."""
        if self.trainer.global_rank > 0:
            torch.manual_seed(torch.initial_seed() + self.trainer.global_rank)

    def training_step(self, batch: tuple[torch.Tensor, ...], index: int) -> torch.Tensor:
        x, y, *whole = batch
        loss = self._part(self.network(x), y, whole[0]) if whole else self.compute(self.network(x), y)
        self._sum.add_(loss.detach())
        return loss

    def _part(self, out: torch.Tensor, y: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
        """Return a loss whose mean over the ranks, to which their gradients are averaged, is that of the whole batch."""
        if len(y) == 0:
            return out.sum() * 0.0
        share: Any = self._mass(y) / self._mass(whole) * self.trainer.world_size
        loss: torch.Tensor = self.compute(out, y) * share
        return loss

    def _mass(self, y: torch.Tensor) -> Any:
        """Return what `compute` divides by: the sum of the weights for weighted cross entropy, else the number of rows."""
        weights: Any = self.weights
        return weights[y].sum() if self.loss.name == "cross_entropy" and weights is not None else len(y)

    def compute(self, out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        weights: Any = self.weights
        match self.loss.name:
            case "bce" if self.task is Task.MULTILABEL:
                return functional.binary_cross_entropy_with_logits(out, y)
            case "pinball":
                return pinball(out, y, self.levels.to(out)).mean()
            case "bce":
                return functional.binary_cross_entropy_with_logits(out.squeeze(1), y, pos_weight=weights)
            case "cross_entropy":
                return functional.cross_entropy(out, y, weight=weights)
            case "focal":
                return self._focal(out, y)
            case "mse":
                return functional.mse_loss(out.reshape(y.shape), y)
            case "mae":
                return functional.l1_loss(out.reshape(y.shape), y)
            case "huber":
                return functional.huber_loss(out.reshape(y.shape), y)

    def _focal(self, out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Compute the focal loss: Lin et al., Focal Loss for Dense Object Detection (2017), with gamma 2."""
        weights: Any = self.weights
        if self.task is Task.BINARY:
            logits = out.squeeze(1)
            each = functional.binary_cross_entropy_with_logits(logits, y, reduction="none", pos_weight=weights)
            right = torch.sigmoid(torch.where(y > 0.5, logits, -logits))
        else:
            each = functional.cross_entropy(out, y, weight=weights, reduction="none")
            right = torch.softmax(out, dim=1).gather(1, y[:, None]).squeeze(1)
        return ((1 - right) ** 2 * each).mean()

    def on_train_epoch_start(self) -> None:
        self._started = time.monotonic()
        self._sum = torch.zeros((), device=self.device)

    def on_train_epoch_end(self) -> None:
        steps = max(1, int(self.trainer.num_training_batches))
        train_loss = float(self.trainer.strategy.reduce(self._sum, reduce_op="mean")) / steps
        val_loss = self._validate()
        epoch = self.current_epoch
        if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
            raise failed(
                "loss is not a number",
                f"In epoch {epoch + 1} the loss became {train_loss}. Lower `optimizer.lr`, set `trainer.gradient_clip`, and "
                "look for extreme values in the data set's profile.",
            )
        self.history.append({"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss})
        self.log("val_loss", val_loss)
        self.log("train_loss", train_loss)
        of = self.trainer.max_epochs or 0
        say(f"epoch {epoch + 1} of {of}, val loss {val_loss:.4f}", 0.1 + 0.85 * (epoch + 1) / max(1, of))

    def _validate(self) -> float:
        """Return the loss of the validation split; each rank takes some of the chunks, and all get the same."""
        total, count, trainer = 0.0, 0.0, self.trainer
        self.network.eval()
        with torch.no_grad():
            for start in range(trainer.global_rank * _CHUNK, len(self._val.x), trainer.world_size * _CHUNK):
                x = self._val.x[start : start + _CHUNK].to(self.device)
                y = self._val.y[start : start + _CHUNK].to(self.device)
                total += float(self.compute(self.network(x), y)) * len(x)
                count += len(x)
        self.network.train()
        if trainer.world_size > 1:
            sums = torch.tensor([total, count], dtype=torch.float64, device=self.device)
            total, count = trainer.strategy.reduce(sums, reduce_op="sum").tolist()
        return total / max(1, count)

    def configure_optimizers(self) -> Any:
        return make_optimizer(self.network.parameters(), self.chosen, self.trainer)


def make_optimizer(parameters: Iterator[nn.Parameter], o: Optimizer, trainer: lightning.Trainer) -> Any:
    """Return the optimiser, with its schedule where it has one, as Lightning takes it."""
    optimizer: torch.optim.Optimizer
    # One kernel a step instead of a dozen for each tensor; with scaled gradients Lightning could not clip them.
    fused = "mixed" not in str(trainer.precision)
    match o.name:
        case "adamw":
            optimizer = torch.optim.AdamW(parameters, lr=o.lr, weight_decay=o.weight_decay, fused=fused)
        case "adam":
            optimizer = torch.optim.Adam(parameters, lr=o.lr, weight_decay=o.weight_decay, fused=fused)
        case "sgd":
            optimizer = torch.optim.SGD(parameters, lr=o.lr, momentum=o.momentum, weight_decay=o.weight_decay)
    steps = max(2, int(trainer.estimated_stepping_batches))
    schedule: Any
    match o.schedule:
        case "constant":
            return optimizer
        case "one_cycle":
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, o.lr, total_steps=steps, pct_start=o.warmup)
        case "cosine":
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def learn(learner: Learner, train: TensorRows, spec: Trainer, ranks: Ranks) -> None:
    """Train in place, with all ranks. Raises MlopsError where the loss is no number."""
    torch.set_num_threads(spec.threads)
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    callbacks: list[Callback] = []
    if spec.early_stopping:
        stop = spec.early_stopping
        callbacks.append(
            EarlyStopping(
                stop.monitor, patience=stop.patience, min_delta=stop.min_delta, check_on_train_epoch_end=True,
                mode="max" if direction_of(stop.monitor) is Direction.MAX else "min",
            )
        )  # fmt: skip
    if spec.limit_minutes:
        callbacks.append(Timer(duration=timedelta(minutes=spec.limit_minutes)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lightning.Trainer(
            max_epochs=spec.max_epochs, accelerator=spec.accelerator, precision=spec.precision,
            gradient_clip_val=spec.gradient_clip, deterministic=spec.deterministic, callbacks=callbacks, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
            num_sanity_val_steps=0, **ranks.placement(learner.network, spec.accelerator),
        )  # fmt: skip
        trainer.fit(learner, train_dataloaders=Batches(train, spec.batch_size, spec.seed, ranks))
        ranks.leave()
