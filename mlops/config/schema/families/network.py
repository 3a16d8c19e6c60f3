"""Say what every network shares.

Lives here: NetworkSpec, and the losses that fit a task.
Not here: the architectures (the other files of this room), learning (workloads.training.families.network).
Law: a loss is chosen by the task where none is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mlops.config.schema.base import FieldError
from mlops.config.schema.families.family import SECTIONS, Effort, FamilySpec
from mlops.config.schema.training import Loss, Optimizer
from mlops.metrics.metric import Direction
from mlops.metrics.table import metrics_of
from mlops.metrics.task import Task

if TYPE_CHECKING:
    from mlops.config.schema.model import Model

LOSSES: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: ("bce", "focal"),
    Task.MULTICLASS: ("cross_entropy", "focal"),
    Task.REGRESSION: ("mse", "mae", "huber"),
    Task.MULTILABEL: ("bce",),
    Task.QUANTILE: ("pinball",),
    Task.FORECASTING: ("mae", "mse", "huber"),
    Task.ANOMALY: ("mae",),
}
"""Task -> the losses that fit it; the first is the default."""
HAVE_UNIT = (Task.REGRESSION, Task.QUANTILE, Task.FORECASTING)
"""The tasks whose label has a unit."""


class NetworkSpec(FamilySpec):
    """A network of torch, trained by steps of an optimiser. `default_lr` and `default_weight_decay`: where `optimizer` names none.
    `sees_images`: whether it knows images among its features."""

    tasks: ClassVar[tuple[Task, ...]] = tuple(task for task in LOSSES if task.is_labelled)
    reads: ClassVar[tuple[str, ...]] = SECTIONS
    logs: ClassVar[tuple[str, ...]] = ("val_loss", "train_loss")
    effort: ClassVar[Effort | None] = Effort("trainer.max_epochs", "epoch")
    default_lr: ClassVar[float] = 3e-3
    default_weight_decay: ClassVar[float] = 0.1
    sees_images: ClassVar[bool] = False

    @classmethod
    def logged(cls, task: Task) -> tuple[str, ...]:
        ranked = [metric for metric in metrics_of(task) if metric.direction is not Direction.NEITHER]
        return (*(f"val_{metric.name}" for metric in ranked if "val" in metric.splits), *cls.logs)

    def check(self, model: Model) -> None:
        losses = LOSSES.get(model.task, ())
        if losses and model.loss and model.loss.name not in losses:
            raise FieldError(
                f"`{model.loss.name}` does not fit task `{model.task}`; use {' or '.join(losses)}", "loss", "name"
            )
        if model.loss and model.loss.standardize and model.task not in HAVE_UNIT:
            raise FieldError(
                f"only the label of a regression has a size, and the task is `{model.task}`", "loss", "standardize"
            )
        if model.loss and model.loss.label_smoothing and model.loss.name not in ("bce", "cross_entropy"):
            raise FieldError(
                f"`{model.loss.name}` has no classes to share a label out to; use bce or cross_entropy",
                "loss",
                "label_smoothing",
            )
        if (
            model.loss
            and (model.loss.balance or model.loss.class_weights)
            and model.task in (*HAVE_UNIT, Task.MULTILABEL)
        ):
            field = "balance" if model.loss.balance else "class_weights"
            raise FieldError(f"it weighs the classes of one label, and the task is `{model.task}`", "loss", field)
        if model.augment and model.augment.changes_images and not self.sees_images:
            field = model.augment.image_fields()[0]
            raise FieldError(f"the family `{self.name}` sees no images; only `mix_up` is for it", "augment", field)
        if model.trainer.precision == "16-mixed" and model.trainer.accelerator == "cpu":
            raise FieldError(
                "`16-mixed` needs a GPU, and `trainer.accelerator` is cpu; use bf16-mixed or 32-true",
                "trainer",
                "precision",
            )
        super().check(model)


def effective_loss(model: Model) -> Loss:
    """Return the loss that a model is trained with, every field of it decided."""
    name: Any = LOSSES[model.task][0]
    loss = model.loss or Loss(name=name)
    if loss.standardize is None:
        return loss.model_copy(update={"standardize": model.task in HAVE_UNIT})
    return loss


def effective_optimizer(model: Model) -> Optimizer:
    """Return the optimiser that a model is trained with, every field of it decided."""
    family, optimizer = model.architecture, model.optimizer
    assert isinstance(family, NetworkSpec)
    fields = ("lr", "weight_decay")
    return optimizer.model_copy(
        update={field: getattr(family, f"default_{field}") for field in fields if getattr(optimizer, field) is None}
    )
