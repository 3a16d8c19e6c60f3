"""Say what a model is.

Lives here: Model and its parts: architecture, loss, optimiser, trainer, gates.
Not here: training (workloads), judging gates (kinds).
Law: what changes the weights means RETRAIN; a gate only judges again.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from mlops.config.schema.base import FieldError, Name, Resource, Strict, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.gate import metrics_of, parse_gate
from mlops.config.schema.units import Share


class Mlp(Strict):
    name: Literal["mlp"]
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = spec_field((128, 64), doc="Width of each hidden layer.")
    dropout: float = Field(0.0, ge=0, lt=1)
    activation: Literal["relu", "gelu", "silu"] = "relu"
    norm: Literal["none", "batch", "layer"] = "none"


class Linear(Strict):
    name: Literal["linear"]


class Custom(Strict):
    """A LightningModule of the user. It is imported only inside the training process."""

    model_config = ConfigDict(extra="allow")
    name: Literal["custom"]
    target: str = Field(alias="_target_", description="`package.module.Class`; its module must be in `allow_targets`.")


class Loss(Strict):
    name: Literal["bce", "cross_entropy", "mse", "mae", "huber", "focal"]
    balance: bool = spec_field(False, doc="Weigh classes by the inverse of their frequency in the train split.")


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


def _gate(text: str) -> str:
    return str(parse_gate(text))


Gate = Annotated[str, AfterValidator(_gate)]
"""See `mlops.config.schema.gate`; kept as text, with its spaces put in order."""


class Model(Resource):
    """A network, how it is trained, and what it must reach."""

    order: ClassVar[int] = 20

    dataset: Name = spec_field(doc="The data set it learns from.", change=Category.RETRAIN, refers="dataset")
    task: Literal["binary", "multiclass", "regression"] = spec_field(doc="What is predicted.", change=Category.RETRAIN)
    architecture: Annotated[Mlp | Linear | Custom, Field(discriminator="name")] = spec_field(
        doc="The network.", change=Category.RETRAIN
    )
    loss: Loss | None = spec_field(
        None, doc="Default: bce, cross_entropy or mse, by the task.", change=Category.RETRAIN
    )
    optimizer: Optimizer = spec_field(Optimizer(), doc="How weights move.", change=Category.RETRAIN)
    trainer: Trainer = spec_field(Trainer(), doc="How long and on what.", change=Category.RETRAIN)
    slices: tuple[str, ...] = spec_field(
        (), doc="Columns by whose values metrics are reported too.", change=Category.REEVALUATE
    )
    gates: tuple[Gate, ...] = spec_field(
        (), doc="What its metrics must reach before it goes on.", change=Category.REEVALUATE
    )

    @model_validator(mode="after")
    def _loss_fits(self) -> Model:
        fits: dict[str, tuple[str, ...]] = {
            "binary": ("bce", "focal"),
            "multiclass": ("cross_entropy", "focal"),
            "regression": ("mse", "mae", "huber"),
        }
        if self.loss and self.loss.name not in fits[self.task]:
            raise FieldError(
                f"`{self.loss.name}` does not fit task `{self.task}`; use {' or '.join(fits[self.task])}",
                "loss",
                "name",
            )
        return self

    @model_validator(mode="after")
    def _gates_fit(self) -> Model:
        for position, gate in enumerate(parse_gate(text) for text in self.gates):
            known = metrics_of(self.task)
            if gate.metric not in known:
                raise FieldError(
                    f"`{gate.metric}` is no metric of task `{self.task}`; there are {', '.join(known)}",
                    "gates",
                    position,
                )
            if gate.column is not None and gate.column not in self.slices:
                raise FieldError(
                    f"`{gate}` looks at a slice by `{gate.column}`, which `slices` does not list", "gates", position
                )
        return self

    @property
    def effective_loss(self) -> Loss:
        names: dict[str, Any] = {"binary": "bce", "multiclass": "cross_entropy", "regression": "mse"}
        return self.loss or Loss(name=names[self.task])
