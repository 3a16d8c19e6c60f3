"""Train a LightningModule of the user as one.

Lives here: is_own_module, which says of a network whether it trains itself; refuse_unread; learn_own, which trains it.
Not here: building it (training.families.custom), our own steps for every other network (learn).
Law: what the module defines is honoured (steps, optimisers, callbacks, loaders), what it leaves out is ours, and a section
of the YAML that nothing would read is refused.
"""

from __future__ import annotations

import logging
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import lightning
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, Checkpoint, Timer
from torch import nn

from mlops.config.schema.model import Model
from mlops.config.schema.training import Trainer
from mlops.metrics.metric import Direction, Metric
from mlops.metrics.table import direction_of, headline_of
from mlops.workloads.metrics.measure import compute
from mlops.workloads.stage import failed, say
from mlops.workloads.training.families.network.learn import Batches, TensorRows, make_optimizer
from mlops.workloads.training.families.network.predictor import Predictor
from mlops.workloads.training.families.network.ranks import Ranks

_CHUNK = 16_384


def is_own_module(network: nn.Module) -> bool:
    """Say whether a network is a LightningModule that takes its own steps of training."""
    return isinstance(network, lightning.LightningModule) and _defines(network, "training_step")


def _defines(module: lightning.LightningModule, hook: str) -> bool:
    return getattr(type(module), hook, None) is not getattr(lightning.LightningModule, hook, None)


def refuse_unread(spec: Model, module: lightning.LightningModule) -> None:
    """Raises MlopsError for a section of the model that the module's own hooks leave without a reader."""
    for section, hook in (("loss", "training_step"), ("optimizer", "configure_optimizers")):
        if section in spec.model_fields_set and _defines(module, hook):
            raise failed(
                "section is not read",
                f"`{type(module).__name__}` defines `{hook}`, so nothing would read `{section}:` of this model. Take the "
                f"section out, and give its values under `architecture:`, which the module is made with; or take `{hook}` "
                "out of the module.",
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
    """Gives this rank's part of each batch as `(x, y)`; a batch with fewer rows than ranks is left out on all of them."""

    def __init__(self, batches: Batches, world: int) -> None:
        self._batches, self._world = batches, world
        rows, size = len(batches.rows.x), batches.size
        self._count = len(batches) - int(0 < rows % size < world)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for position, (x, y, *_) in enumerate(self._batches):
            if position < self._count:
                yield x, y


class Slices:
    """Gives rows in their order, `size` at a time."""

    def __init__(self, rows: TensorRows, size: int) -> None:
        self._rows, self._size = rows, size

    def __len__(self) -> int:
        return math.ceil(len(self._rows.x) / self._size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for start in range(0, len(self._rows.x), self._size):
            yield self._rows.x[start : start + self._size], self._rows.y[start : start + self._size]


@dataclass(frozen=True)
class Trained:
    """`history`: what each epoch measured. `kept`: the epoch whose weights the module has, from 0."""

    history: list[dict[str, float]]
    kept: int


class EpochRecorder(Checkpoint):
    """Measures each epoch, keeps the weights of the best, and ends a training that gets no better.

    Lightning calls it after the module and all other callbacks, because it is a Checkpoint.
    """

    def __init__(self, predictor: Predictor, val: TensorRows, metric: Metric | None, spec: Trainer) -> None:
        self.predictor, self._val, self._metric, self._spec = predictor, val, metric, spec
        stopping = spec.early_stopping
        self._monitor = stopping.monitor if stopping else None
        self.history: list[dict[str, float]] = []
        self.best = 0
        self._better = 0
        self._state: dict[str, torch.Tensor] = {}

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        measured = {
            name: float(value) for name, value in sorted(trainer.callback_metrics.items()) if value.numel() == 1
        }
        if self._metric and len(self._val.x):
            measured[f"val_{self._metric.name}"] = compute(self._metric, self._val.y.numpy(), self._predict(pl_module))
        finite = {name: value for name, value in measured.items() if math.isfinite(value)}
        epoch = len(self.history)
        self.history.append({"epoch": epoch, **finite})
        values = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in finite.items())
        of = trainer.max_epochs or 0
        say(f"epoch {epoch + 1} of {of}, {values}", 0.1 + 0.85 * (epoch + 1) / max(1, of))
        self._judge(trainer, pl_module, finite)

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
        monitor = self._monitor
        if monitor is None:
            return
        if monitor not in measured:
            raise failed(
                "monitored value is not logged",
                f"`trainer.early_stopping.monitor` is {monitor}, and `{type(module).__name__}` logged "
                f"{', '.join(measured) or 'nothing'} as numbers in epoch {len(self.history)}. Log it with self.log("
                f'"{monitor}", …) in the module, or monitor something else.',
            )
        sign = 1.0 if direction_of(monitor) is Direction.MAX else -1.0
        gain = sign * (measured[monitor] - self.history[self.best].get(monitor, -sign * math.inf))
        stopping = self._spec.early_stopping
        if gain > 0 or not self._state:
            self.best = len(self.history) - 1
            self._state = {key: tensor.detach().clone() for key, tensor in module.state_dict().items()}
        if gain > (stopping.min_delta if stopping else 0.0) or len(self.history) == 1:
            self._better = len(self.history)
        is_over = stopping is not None and len(self.history) - self._better >= stopping.patience
        if trainer.strategy.reduce_boolean_decision(is_over, all=False):
            trainer.should_stop = True

    def restore_best(self, module: lightning.LightningModule) -> int:
        """Put the weights of the best epoch back where epochs are compared; return the epoch whose weights it has."""
        if not self._state:
            return len(self.history) - 1
        module.load_state_dict(self._state)
        return self.best


def learn_own(module: Any, spec: Model, train: TensorRows, val: TensorRows, ranks: Ranks) -> Trained:
    """Train in place, with all ranks. Raises MlopsError for what does not fit."""
    refuse_unread(spec, module)
    torch.set_num_threads(spec.trainer.threads)
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not _defines(module, "configure_optimizers"):
        module.configure_optimizers = lambda: make_optimizer(module.parameters(), spec.optimizer, module.trainer)
    rows = PreparedRows.of(train, val, _loaders(module, spec.trainer, train, val, ranks))
    recorder = EpochRecorder(Predictor(module, spec.task), val, headline_of(spec.task), spec.trainer)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as scratch:
        warnings.simplefilter("ignore")
        try:
            _trainer(module, spec.trainer, recorder, scratch, ranks).fit(module, datamodule=rows)
        except MisconfigurationException as error:
            raise failed(
                "module does not fit", f"Lightning cannot train `{type(module).__name__}` as it is: {error}"
            ) from error
        ranks.leave()
    _detach(module)
    return Trained(recorder.history, recorder.restore_best(module))


def _loaders(
    module: Any, spec: Trainer, train: TensorRows, val: TensorRows, ranks: Ranks
) -> dict[str, Callable[[], Any]]:
    """Return hook -> what makes its loader: the module where it defines the hook, else ours."""
    ours: dict[str, Callable[[], Any]] = {
        "train_dataloader": lambda: RankedBatches(Batches(train, spec.batch_size, spec.seed, ranks), ranks.world),
        "val_dataloader": lambda: Slices(val, spec.batch_size),
    }
    return {hook: getattr(module, hook) if _defines(module, hook) else make for hook, make in ours.items()}


def _trainer(module: Any, spec: Trainer, recorder: EpochRecorder, scratch: str, ranks: Ranks) -> lightning.Trainer:
    """`scratch`: a folder for what callbacks of the module write."""
    timer: list[Callback] = [Timer(duration=timedelta(minutes=spec.limit_minutes))] if spec.limit_minutes else []
    return lightning.Trainer(
        max_epochs=spec.max_epochs, accelerator=spec.accelerator, precision=spec.precision,
        gradient_clip_val=spec.gradient_clip, deterministic=spec.deterministic, callbacks=[recorder, *timer], logger=False,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False, num_sanity_val_steps=0,
        default_root_dir=scratch, **ranks.placement(module, spec.accelerator),
    )  # fmt: skip


def _detach(module: Any) -> None:
    """Take the trainer and our optimiser off the module, which is then a network like any other."""
    module.__dict__.pop("configure_optimizers", None)
    module.trainer = None
