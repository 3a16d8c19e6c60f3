"""Say what families may read of how a model is trained.

Lives here: Loss, Optimizer, EarlyStopping, Trainer: sections of a model.
Not here: which family reads which of them (families), training (workloads).
Law: what changes the weights means RETRAIN, which the model says of each section.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mlops.config.schema.base import Column, Strict, spec_field
from mlops.config.schema.units import Share


def _class_names(weights: Any) -> Any:
    """Take classes as YAML reads them: `true` and `1` are no texts there."""
    return {class_name(key): weight for key, weight in weights.items()} if isinstance(weights, dict) else weights


def class_name(value: Any) -> str:
    """Return a class as a file writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


ClassWeights = Annotated[dict[str, Annotated[float, Field(ge=0)]], BeforeValidator(_class_names)]


class Loss(Strict):
    name: Literal["bce", "cross_entropy", "mse", "mae", "huber", "focal", "pinball"] = spec_field(
        doc="What training makes small."
    )
    balance: bool = spec_field(False, doc="Weigh classes by the inverse of their frequency in the train split.")
    class_weights: ClassWeights | None = spec_field(
        None, doc="How much a row of each class counts; one that is not named counts 1."
    )
    row_weights: Column | None = spec_field(None, doc="A column of the data set: how much each row counts, at least 0.")
    label_smoothing: float = spec_field(
        0.0, doc="Of bce and cross_entropy: the share of the label that is given to all classes alike.", ge=0, lt=1
    )
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
    decay_all: bool = spec_field(False, doc="Draw biases and norms to zero too, not the other weights alone.")
    l1: float = spec_field(0.0, doc="How much the loss grows with the absolute value of each weight.", ge=0)
    momentum: float = spec_field(0.9, doc="Of sgd alone.", ge=0, lt=1)
    schedule: Literal["constant", "one_cycle", "cosine", "step", "plateau"] = spec_field(
        "one_cycle",
        doc="How the learning rate goes over the whole training; `plateau` falls where validation gets no better.",
    )
    warmup: Share | None = spec_field(
        None, doc="Share of the steps in which the rate rises. Default: 30% for one_cycle, else none."
    )
    factor: float = spec_field(0.1, doc="Of step and plateau: what the rate is multiplied by.", gt=0, lt=1)
    interval: int | None = spec_field(
        None,
        doc="Of step and plateau: the epochs after which, or without a better value after which, the rate falls. Default: a "
        "third and a tenth of all epochs.",
        ge=1,
    )


class EarlyStopping(Strict):
    """Ends a training that gets no better."""

    monitor: str | None = spec_field(
        None, doc="What the family logs, such as val_loss. Default: the first metric of the task, such as val_auc."
    )
    patience: int | None = spec_field(
        None, doc="Epochs without a better value after which training ends. Default: half of `max_epochs`.", ge=1
    )
    min_delta: float = spec_field(0.0, doc="A value counts as better if it is better by more than this.", ge=0)


class Averaging(Strict):
    """Makes the mean of the weights on the way the model, which is often better than the last ones."""

    name: Literal["ema", "swa"] = spec_field(
        doc="`ema`: a mean that forgets, of every step. `swa`: the plain mean of the epochs from `start` on."
    )
    decay: float = spec_field(0.99, doc="Of ema: the share of the mean that a step leaves.", gt=0, lt=1)
    start: Share = spec_field(0.75, doc="Of swa: the share of the epochs after which it begins.")


class Checkpoints(Strict):
    """Lets a training that was killed go on. They lie in .mlops/checkpoints, and are removed when training is done."""

    every_epochs: int = spec_field(1, doc="Write one after this many epochs.", ge=1)
    best: int = spec_field(
        0,
        doc="Keep the weights of so many best epochs in the folder of the run, .mlops/runs, for people to compare.",
        ge=0,
    )
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
    accumulate: int = spec_field(1, doc="Batches whose gradients are summed for one step.", ge=1)
    average: Averaging | None = spec_field(None, doc="Which mean of weights is the model's. Default: none.")
    compile: bool = spec_field(False, doc="Have torch compile the network first: worth it where training takes long.")
    gradient_clip: float | None = spec_field(None, doc="The longest gradient; longer ones are scaled down to it.", gt=0)
    early_stopping: EarlyStopping | None = spec_field(
        EarlyStopping(), doc="End once validation gets no better. `null`: never."
    )
    log_every_steps: int | None = spec_field(
        None, doc="Write the loss of a step to the log after so many. Default: of one step every five seconds.", ge=1
    )
    checkpoint: Checkpoints = spec_field(Checkpoints(), doc="How often it is kept how far training is.")
    limit_minutes: float | None = spec_field(None, doc="End after this many minutes, wherever training is then.", gt=0)
    deterministic: bool | Literal["everywhere"] = spec_field(
        True,
        doc="Use algorithms alone that give the same bits every time on one kind of processor; `everywhere`: on every x86-64 "
        "processor, for a third more time.",
    )
