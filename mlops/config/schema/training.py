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
    standardize: bool = spec_field(
        False,
        doc="Of a regression: learn the label less its mean, divided by its deviation (of the train split), so that steps "
        "have the label's size. Predictions are in its own unit.",
    )


class Optimizer(Strict):
    name: Literal["adamw", "adam", "sgd"] = spec_field("adamw", doc="The rule by which weights move.")
    lr: float = spec_field(1e-3, doc="The learning rate; with a schedule, its highest.", gt=0)
    weight_decay: float = spec_field(0.0, doc="How strongly weights are drawn to zero.", ge=0)
    momentum: float = spec_field(0.9, doc="Of sgd alone.", ge=0, lt=1)
    schedule: Literal["constant", "one_cycle", "cosine"] = spec_field(
        "constant", doc="How the learning rate goes over the whole training."
    )
    warmup: Share = spec_field(0.3, doc="Share of the steps that one_cycle spends rising.")


class EarlyStopping(Strict):
    monitor: str = spec_field("val_loss", doc="A metric of validation.")
    patience: int = spec_field(3, doc="Epochs without a better value after which training ends.", ge=1)
    min_delta: float = spec_field(0.0, doc="A value counts as better if it is better by more than this.", ge=0)


class Trainer(Strict):
    max_epochs: int = spec_field(10, doc="How often training goes through the train split, at most.", ge=1)
    batch_size: int = spec_field(1024, doc="Rows of one step.", ge=1)
    seed: int = spec_field(7, doc="Of every random number: equal seeds give equal weights.")
    threads: int = spec_field(1, doc="Torch threads; one is reproducible and, shared, the fastest.", ge=1)
    accelerator: Literal["cpu", "gpu", "auto"] = spec_field(
        "cpu", doc="What computes; `auto` takes GPUs where there are any."
    )
    devices: int = spec_field(1, doc="How many GPUs, or processes on CPUs, train together.", ge=1)
    precision: Literal["32-true", "16-mixed", "bf16-mixed", "64-true"] = spec_field(
        "32-true", doc="The numbers that are computed with, in bits; `mixed` keeps the weights in 32."
    )
    gradient_clip: float | None = spec_field(None, doc="The longest gradient; longer ones are scaled down to it.", gt=0)
    early_stopping: EarlyStopping | None = spec_field(None, doc="End once validation gets no better. Default: never.")
    limit_minutes: float | None = spec_field(None, doc="End after this many minutes, wherever training is then.", gt=0)
    deterministic: bool = spec_field(True, doc="Use algorithms alone that give the same bits every time.")
