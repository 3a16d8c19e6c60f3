"""Let a network go on learning where it was killed.

Lives here: Resuming, which writes checkpoints while Lightning trains, and CheckpointFile, through which Lightning reads one.
Not here: the file itself (families.checkpoint), what the network has learned (learner).
Law: a training that goes on takes the very steps that an undisturbed one takes: weights, optimiser, schedule, order of rows
and random numbers are those of the moment that was written.
"""

from __future__ import annotations

import io
import random
import time
from typing import Any

import lightning
import numpy as np
import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from lightning.pytorch.callbacks import Callback

from mlops.config.schema.training import Checkpoints
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.network.batches import Batches
from mlops.workloads.training.families.network.ranks import Ranks

HERE = "checkpoint"
"""What Lightning is given as a path; CheckpointFile knows the file."""
_RANDOM, _ORDER = "random numbers", "order of rows"
_TOGETHER = 64
"""Every how many steps several processes ask whether it is time: they have to write at once."""


class CheckpointFile(CheckpointIO):
    """Has Lightning read and write the one file of a training. `state`: what was read, the same in all processes."""

    def __init__(self, checkpoint: Checkpoint, state: bytes | None) -> None:
        self._checkpoint, self._state = checkpoint, state

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        self._checkpoint.write(content.getvalue())

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        assert self._state is not None
        read: dict[str, Any] = torch.load(io.BytesIO(self._state), map_location="cpu", weights_only=True)
        return read

    def remove_checkpoint(self, path: Any) -> None:
        self._checkpoint.clear()


class Resuming(Callback):
    """Writes a checkpoint before an epoch, within one when it is time, and when the process is asked to end."""

    def __init__(self, spec: Checkpoints, batches: Batches, ranks: Ranks) -> None:
        self._spec, self._batches, self._ranks = spec, batches, ranks
        self._written = time.monotonic()
        self._read: dict[str, Any] | None = None
        self._is_inside = False

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self._read is not None:
            _set_random(self._read["ranks"][self._ranks.rank])

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._is_inside = False
        if self._read is None and trainer.current_epoch and trainer.current_epoch % self._spec.every_epochs == 0:
            self._write(trainer)
        self._read = None

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._is_inside = True
        if self._is_time(batch_idx) and (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            self._write(trainer)

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Write a last one where the process was asked to end, by SIGTERM; a spot machine gives a minute for that."""
        between_steps = (
            trainer.fit_loop.epoch_loop.batch_progress.current.completed % trainer.accumulate_grad_batches == 0
        )
        if trainer.received_sigterm and self._is_inside and between_steps:
            self._write(trainer)

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[_ORDER] = self._batches.state_dict()
        checkpoint[_RANDOM] = {"ranks": self._ranks.gather(_random())}
        if not self._is_inside:  # Lightning would take the batches of the epoch before for those of this one
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
            progress["current"] = dict.fromkeys(progress["current"], 0)
            progress["is_last_batch"] = False

    def on_load_checkpoint(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._batches.load_state_dict(checkpoint[_ORDER])
        self._read = checkpoint[_RANDOM]
        self._is_inside = True

    def _is_time(self, index: int) -> bool:
        if self._ranks.world == 1:
            return time.monotonic() - self._written >= 60 * self._spec.every_minutes
        if index % _TOGETHER:
            return False
        return bool(self._ranks.share(time.monotonic() - self._written >= 60 * self._spec.every_minutes))

    def _write(self, trainer: lightning.Trainer) -> None:
        trainer.save_checkpoint(HERE)
        self._written = time.monotonic()


def _random() -> dict[str, Any]:
    """Return the state of every generator of random numbers, as torch reads it back without running code."""
    kind, keys, *rest = np.random.get_state()
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _set_random(state: dict[str, Any]) -> None:
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
