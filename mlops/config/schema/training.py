"""Say what families may read of how a model is trained.

Lives here: Loss, Optimizer, EarlyStopping, Trainer: sections of a model.
Not here: which family reads which of them (families), training (workloads).
Law: what changes the weights means RETRAIN, which the model says of each section.
"""

from __future__ import annotations

from typing import Literal

from mlops.config.schema.base import Strict, spec_field
from mlops.config.schema.units import Share


class Loss(Strict):
    name: Literal["bce", "cross_entropy", "mse", "mae", "huber", "focal", "pinball"] = spec_field(
        doc="What training makes small."
    )
    balance: bool = spec_field(False, doc="Weigh classes by the inverse of their frequency in the train split.")
    standardize: bool | None = spec_field(
        None,
        doc="Learn the label less its mean, divided by its deviation (of the train split), so that steps have the label's "
        "size. Predictions are in its own unit. Default: for a regression.",
    )


class Optimizer(Strict):
    name: Literal["adamw", "adam", "sgd"] = spec_field("adamw", doc="The rule by which weights move.")
    lr: float | None = spec_field(
        None, doc="The learning rate; with a schedule, its highest. Default: the family's.", gt=0
    )
    weight_decay: float | None = spec_field(
        None, doc="How strongly weights are drawn to zero. Default: the family's.", ge=0
    )
    momentum: float = spec_field(0.9, doc="Of sgd alone.", ge=0, lt=1)
    schedule: Literal["constant", "one_cycle", "cosine"] = spec_field(
        "one_cycle", doc="How the learning rate goes over the whole training."
    )
    warmup: Share = spec_field(0.3, doc="Share of the steps that one_cycle spends rising.")


class EarlyStopping(Strict):
    """Ends a training that gets no better."""

    monitor: str | None = spec_field(
        None, doc="What the family logs, such as val_loss. Default: the first metric of the task, such as val_auc."
    )
    patience: int | None = spec_field(
        None, doc="Epochs without a better value after which training ends. Default: half of `max_epochs`.", ge=1
    )
    min_delta: float = spec_field(0.0, doc="A value counts as better if it is better by more than this.", ge=0)


class Checkpoints(Strict):
    """Lets a training that was killed go on. They lie in .mlops/checkpoints, and are removed when training is done."""

    every_epochs: int = spec_field(1, doc="Write one after this many epochs.", ge=1)
    every_minutes: float = spec_field(5.0, doc="Write one within an epoch after this many minutes.", gt=0)


class Trainer(Strict):
    max_epochs: int | None = spec_field(
        None,
        doc="How often training goes through the train split, at most. Default: as often as makes 2,000 steps, at least 5 "
        "and at most 200 times.",
        ge=1,
    )
    batch_size: int | None = spec_field(
        None, doc="Rows of one step. Default: about a sixty-fourth of the train split, 32 to 1,024.", ge=1
    )
    keep: Literal["best", "last"] = spec_field(
        "best", doc="The epoch whose weights are the model's. `best`: by what `early_stopping.monitor` says."
    )
    seed: int = spec_field(7, doc="Of every random number: equal seeds give equal weights.")
    threads: int = spec_field(1, doc="Torch threads; one is reproducible and, shared, the fastest.", ge=1)
    accelerator: Literal["cpu", "gpu", "auto"] = spec_field(
        "cpu", doc="What computes; `auto` takes GPUs where there are any."
    )
    devices: int = spec_field(1, doc="How many GPUs, or processes on CPUs, train together.", ge=1)
    precision: Literal["32-true", "16-mixed", "bf16-mixed", "64-true"] = spec_field(
        "32-true",
        doc="The numbers that are computed with, in bits; `mixed` keeps the weights in 32. 16-mixed needs a GPU.",
    )
    gradient_clip: float | None = spec_field(None, doc="The longest gradient; longer ones are scaled down to it.", gt=0)
    early_stopping: EarlyStopping | None = spec_field(
        EarlyStopping(), doc="End once validation gets no better. `null`: never."
    )
    checkpoint: Checkpoints = spec_field(Checkpoints(), doc="How often it is kept how far training is.")
    limit_minutes: float | None = spec_field(None, doc="End after this many minutes, wherever training is then.", gt=0)
    deterministic: bool = spec_field(True, doc="Use algorithms alone that give the same bits every time.")
