"""Train a LightningModule of the user as one.

Lives here: is_own_module, which says of a network whether it trains itself; refuse_unread; learn_own, which trains it.
Not here: building it (training.families.custom), our own steps for every other network (learner).
Law: what the module defines is honoured (steps, optimisers, callbacks, loaders), what it leaves out is ours, and a section
of the YAML that nothing would read is refused.
"""

from __future__ import annotations

import io
import logging
import math
import pickle
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import lightning
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, Timer
from lightning.pytorch.callbacks import Checkpoint as LateCallback
from torch import nn

from mlops.config.schema.families.network import effective_optimizer
from mlops.config.schema.model import Model
from mlops.config.schema.training import Trainer
from mlops.workloads.stage import failed
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.network.batches import Batches, TensorRows
from mlops.workloads.training.families.network.epochs import LOSSES, EpochMetrics, Epochs
from mlops.workloads.training.families.network.optimizers import Factor, make_optimizer, make_schedule
from mlops.workloads.training.families.network.pace import Pace
from mlops.workloads.training.families.network.predictor import Predictor
from mlops.workloads.training.families.network.ranks import Ranks
from mlops.workloads.training.families.network.resuming import HERE, CheckpointFile, Resuming
from mlops.workloads.training.run_log import RunLog

_CHUNK = 16_384


def is_own_module(network: nn.Module) -> bool:
    """Say whether a network is a LightningModule that takes its own steps of training."""
    return isinstance(network, lightning.LightningModule) and _defines(network, "training_step")


def _defines(module: lightning.LightningModule, hook: str) -> bool:
    return getattr(type(module), hook, None) is not getattr(lightning.LightningModule, hook, None)


def refuse_unread(spec: Model, module: lightning.LightningModule) -> None:
    """Raises MlopsError for a section of the model that the module's own hooks leave without a reader."""
    for section, hook in (
        ("loss", "training_step"),
        ("augment", "training_step"),
        ("fine_tune", "training_step"),
        ("optimizer", "configure_optimizers"),
    ):
        if section in spec.model_fields_set and _defines(module, hook):
            raise failed(
                "section is not read",
                f"`{type(module).__name__}` defines `{hook}`, so nothing would read `{section}:` of this model. Take the "
                f"section out, and give its values under `architecture:`, which the module is made with; or take `{hook}` "
                "out of the module.",
            )

    for name in ("average", "compile", "log_every_steps"):
        if name in spec.trainer.model_fields_set:
            raise failed(
                "field is not read",
                f"`trainer.{name}` is about our own steps, and `{type(module).__name__}` takes its own. Take it out; a callback of "
                "the module, in `configure_callbacks`, does the same.",
            )


class PreparedRows(lightning.LightningDataModule):
    """Gives a module the rows of the data set: `self.trainer.datamodule.train` and `.val`, each with `x` and `y`."""

    def __init__(self, train: TensorRows, val: TensorRows) -> None:
        super().__init__()
        self.train, self.val = train, val

    @classmethod
    def of(cls, train: TensorRows, val: TensorRows, loaders: Mapping[str, Callable[[], Any]]) -> PreparedRows:
        """Return one that makes these loaders, by the names of their hooks: Lightning asks no one else."""
        hooks = {hook: (lambda self, make=make: make()) for hook, make in loaders.items()}
        made: PreparedRows = type("PreparedRows", (cls,), hooks)(train, val)
        return made


class RankedBatches:
    """Gives this rank's part of each batch as `(x, y)`. A part that is empty is left out, with its batch, on all ranks."""

    def __init__(self, batches: Batches, world: int) -> None:
        self._batches = batches
        self._count = sum(end - start >= world for start, end in batches.slices)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch, _ in zip(self._batches, range(self._count), strict=False):
            yield batch.x, batch.y


class Slices:
    """Gives rows in their order, `size` at a time."""

    def __init__(self, rows: TensorRows, size: int) -> None:
        self._rows, self._size = rows, size

    def __len__(self) -> int:
        return math.ceil(len(self._rows.x) / self._size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for start in range(0, len(self._rows.x), self._size):
            yield self._rows.x[start : start + self._size], self._rows.y[start : start + self._size]


class EpochRecorder(LateCallback):
    """Measures each epoch, remembers the weights of the best, and ends a training that gets no better.

    Lightning calls it after the module and all other callbacks, because it is what it calls a Checkpoint. `patience`: epochs without a
    better value that end the training; None where none do.
    """

    def __init__(
        self, predictor: Predictor, val: TensorRows, metrics: EpochMetrics, patience: int | None, named: str | None
    ) -> None:
        self.predictor, self._val, self._metrics, self._patience, self._named = predictor, val, metrics, patience, named
        self.epochs = Epochs(named or metrics.monitor)
        self.run_log = RunLog()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {"monitor": self.epochs.monitor, "epochs": self.epochs.state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs.monitor = state_dict["monitor"]
        self.epochs.restore(state_dict["epochs"])

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        logged = {name: float(value) for name, value in sorted(trainer.callback_metrics.items()) if value.numel() == 1}
        if self._metrics.metrics:
            logged |= self._metrics.measure(self._predict(pl_module))
        measured = {name: value for name, value in logged.items() if math.isfinite(value)}
        most = max(1, trainer.max_epochs or 1)
        values = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in measured.items())
        epoch = trainer.current_epoch
        self._judge(trainer, pl_module, {"epoch": epoch, **measured})
        line, done = f"epoch {epoch + 1} of {most}, {values}", 0.1 + 0.85 * (epoch + 1) / most
        self.run_log.write_epoch(self.epochs.history, line, done, step=trainer.global_step)

    def _predict(self, module: lightning.LightningModule) -> np.ndarray[Any, Any]:
        was_training = module.training
        module.eval()
        dtype = next((one.dtype for one in module.parameters()), torch.float32)
        with torch.no_grad():
            parts = [
                self.predictor(self._val.x[start : start + _CHUNK].to(module.device, dtype)).float().cpu().numpy()
                for start in range(0, len(self._val.x), _CHUNK)
            ]
        module.train(was_training)
        return np.concatenate(parts)

    def _judge(self, trainer: lightning.Trainer, module: lightning.LightningModule, measured: dict[str, float]) -> None:
        if self.epochs.monitor not in measured:
            self._find_monitor(type(module).__name__, measured)
        if self.epochs.monitor not in measured:  # nothing is measured by which epochs could be compared
            self.epochs.history.append(measured)
            self.epochs.best = len(self.epochs.history) - 1
            return
        if self.epochs.add(measured):
            self.epochs.weights = {key: tensor.detach().clone() for key, tensor in module.state_dict().items()}
        for config in trainer.lr_scheduler_configs:
            for factor in getattr(config.scheduler, "lr_lambdas", ())[:1]:
                if isinstance(factor, Factor):
                    factor.after_epoch(self.epochs.waited)
        is_over = self._patience is not None and self.epochs.waited >= self._patience
        if trainer.strategy.reduce_boolean_decision(is_over, all=False):
            trainer.should_stop = True

    def _find_monitor(self, module: str, measured: dict[str, float]) -> None:
        """Monitor a loss that the module logs, where the YAML names nothing. Raises MlopsError where it names what is not logged."""
        if self._named is None:
            self.epochs.monitor = next((name for name in LOSSES if name in measured), self.epochs.monitor)
            return
        logged = ", ".join(name for name in measured if name != "epoch")
        raise failed(
            "monitored value is not logged",
            f"`trainer.early_stopping.monitor` is {self._named}, and `{module}` logged {logged or 'nothing'} as numbers in epoch "
            f'{int(measured["epoch"]) + 1}. Log it with self.log("{self._named}", …) in the module, or monitor something else.',
        )


@dataclass(frozen=True)
class OwnRows:
    """What a module is trained on, how long, and where it is kept how far it is."""

    train: TensorRows
    val: TensorRows
    pace: Pace
    log: RunLog = field(default_factory=RunLog)
    checkpoint: Checkpoint | None = None


def learn_own(module: Any, spec: Model, rows: OwnRows, metrics: EpochMetrics, ranks: Ranks) -> Epochs:
    """Train in place, with all ranks. Raises MlopsError for what does not fit."""
    refuse_unread(spec, module)
    torch.set_num_threads(spec.trainer.threads)
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not _defines(module, "configure_optimizers"):
        module.configure_optimizers = lambda: _optimizer(module, spec)
    stopping = spec.trainer.early_stopping
    patience, named = (rows.pace.patience, stopping.monitor) if stopping else (None, None)
    recorder = EpochRecorder(Predictor(module, spec.task), rows.val, metrics, patience, named)
    recorder.run_log = rows.log
    recorder.epochs.min_delta = stopping.min_delta if stopping else 0.0
    batches = Batches(rows.train, rows.pace.batch_size, spec.trainer.seed, ranks)
    data = PreparedRows.of(rows.train, rows.val, _loaders(module, rows, batches))
    # The order of rows of a loader of its own is not known here, and so not kept.
    checkpoint = None if _defines(module, "train_dataloader") else rows.checkpoint
    state = ranks.share(_readable(checkpoint.read()) if checkpoint and ranks.is_first else None)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as scratch:
        warnings.simplefilter("ignore")
        try:
            placed = {**ranks.placement(module, spec.trainer.accelerator), "default_root_dir": scratch}
            callbacks: list[Callback] = [recorder]
            if checkpoint:
                callbacks.append(Resuming(spec.trainer.checkpoint, batches, ranks))
                placed["plugins"] = [*placed.get("plugins", ()), CheckpointFile(checkpoint, state)]
            trainer = _trainer(spec.trainer, callbacks, placed, epochs=rows.pace.epochs)
            trainer.fit(module, datamodule=data, ckpt_path=HERE if state else None)
        except MisconfigurationException as error:
            raise failed(
                "module does not fit", f"Lightning cannot train `{type(module).__name__}` as it is: {error}"
            ) from error
        ranks.leave()
    module.__dict__.pop("configure_optimizers", None)
    module.trainer = None
    if spec.trainer.keep == "best" and recorder.epochs.weights:
        module.load_state_dict(recorder.epochs.weights)
    return recorder.epochs


def _optimizer(module: Any, spec: Model) -> Any:
    """Return the optimiser of the YAML, with its schedule."""
    chosen = effective_optimizer(spec)
    optimizer = make_optimizer(module, chosen, fused="mixed" not in str(module.trainer.precision))
    schedule = make_schedule(
        optimizer, chosen, steps=int(module.trainer.estimated_stepping_batches), epochs=module.trainer.max_epochs
    )
    if schedule is None:
        return optimizer
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _readable(state: bytes | None) -> bytes | None:
    """Return what was kept, None where a callback of the module put something in it that is not read back without running
    code: training then begins anew."""
    if state is None:
        return None
    try:
        torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError):
        return None
    return state


def _loaders(module: Any, rows: OwnRows, batches: Batches) -> dict[str, Callable[[], Any]]:
    """Return hook -> what makes its loader: the module where it defines the hook, else ours."""
    ours: dict[str, Callable[[], Any]] = {
        "train_dataloader": lambda: RankedBatches(batches, batches.ranks.world),
        "val_dataloader": lambda: Slices(rows.val, rows.pace.batch_size),
    }
    return {hook: getattr(module, hook) if _defines(module, hook) else make for hook, make in ours.items()}


def _trainer(spec: Trainer, callbacks: list[Callback], placed: Mapping[str, Any], *, epochs: int) -> lightning.Trainer:
    timer: list[Callback] = [Timer(duration=timedelta(minutes=spec.limit_minutes))] if spec.limit_minutes else []
    return lightning.Trainer(
        max_epochs=epochs, accelerator=spec.accelerator, precision=spec.precision, gradient_clip_val=spec.gradient_clip,
        accumulate_grad_batches=spec.accumulate, deterministic=bool(spec.deterministic), callbacks=[*callbacks, *timer], logger=False,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False, num_sanity_val_steps=0, **placed,
    )  # fmt: skip
