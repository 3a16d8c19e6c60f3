"""Say what families may read of how a model is trained.

Lives here: Loss, Optimizer, EarlyStopping, Trainer: sections of a model.
Not here: which family reads which of them (families), training (workloads).
Law: what changes the weights means RETRAIN, which the model says of each section.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlops.config.schema.base import Strict, spec_field
from mlops.config.schema.units import Share


class Loss(Strict):
    name: Literal["bce", "cross_entropy", "mse", "mae", "huber", "focal"]
    balance: bool = spec_field(False, doc="Weigh classes by the inverse of their frequency in the train split.")
    standardize: bool = spec_field(
        False,
        doc="Of a regression: learn the label less its mean, divided by its deviation (of the train split), so that steps "
        "have the label's size. Predictions are in its own unit.",
    )


class Optimizer(Strict):
    name: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.0, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1, description="Of sgd alone.")
    schedule: Literal["constant", "one_cycle", "cosine"] = "constant"
    warmup: Share = spec_field(0.3, doc="Share of the steps that one_cycle spends rising.")


class EarlyStopping(Strict):
    monitor: str = spec_field("val_loss", doc="A metric of validation.")
    patience: int = Field(3, ge=1)
    min_delta: float = Field(0.0, ge=0)


class Trainer(Strict):
    max_epochs: int = Field(10, ge=1)
    batch_size: int = Field(1024, ge=1)
    seed: int = 7
    threads: int = spec_field(1, doc="Torch threads; one is reproducible and, shared, the fastest.", ge=1)
    accelerator: Literal["cpu", "gpu", "auto"] = "cpu"
    devices: int = Field(1, ge=1)
    precision: Literal["32-true", "16-mixed", "bf16-mixed", "64-true"] = "32-true"
    gradient_clip: float | None = Field(None, gt=0)
    early_stopping: EarlyStopping | None = None
    limit_minutes: float | None = Field(None, gt=0)
    deterministic: bool = True
