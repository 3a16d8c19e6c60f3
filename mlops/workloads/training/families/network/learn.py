"""Train a network.

Lives here: learn, Lightning's trainer around a Learner.
Not here: the steps (learner), the ranks (ranks), files (family).
Law: Lightning does what is asked of it alone: no logger, no bar, no sampler, no file of its own.
"""

from __future__ import annotations

import logging
import warnings
from datetime import timedelta

import lightning
import torch
from lightning.pytorch.callbacks import Callback, Timer

from mlops.config.schema.training import Trainer
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.network.batches import Batches, TensorRows
from mlops.workloads.training.families.network.learner import Learner
from mlops.workloads.training.families.network.ranks import Ranks
from mlops.workloads.training.families.network.resuming import HERE, CheckpointFile, Resuming


def learn(
    learner: Learner, train: TensorRows, spec: Trainer, ranks: Ranks, checkpoint: Checkpoint | None = None
) -> None:
    """Train in place, with all ranks, on from the checkpoint where it has one. Raises MlopsError where the loss is no
    number."""
    pace = learner.pace
    torch.set_num_threads(spec.threads)
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    callbacks: list[Callback] = []
    if spec.limit_minutes:
        callbacks.append(Timer(duration=timedelta(minutes=spec.limit_minutes)))
    state = ranks.share(checkpoint.read() if checkpoint and ranks.is_first else None)
    batches = Batches(train, pace.batch_size, spec.seed, ranks)
    placed = ranks.placement(learner.predictor.network, spec.accelerator)
    if checkpoint:
        callbacks.append(Resuming(spec.checkpoint, batches, ranks))
        placed["plugins"] = [*placed.get("plugins", ()), CheckpointFile(checkpoint, state)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lightning.Trainer(
            max_epochs=pace.epochs, accelerator=spec.accelerator, precision=spec.precision,
            gradient_clip_val=spec.gradient_clip, accumulate_grad_batches=spec.accumulate, deterministic=bool(spec.deterministic), callbacks=callbacks, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
            num_sanity_val_steps=0, **placed,
        )  # fmt: skip
        trainer.fit(learner, train_dataloaders=batches, ckpt_path=HERE if state else None)
        ranks.leave()
    if learner.epochs.weights:
        learner.predictor.network.load_state_dict(learner.epochs.weights)
