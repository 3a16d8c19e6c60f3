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
from mlops.config.schema.training import Loss
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
NUMBERS = (Task.REGRESSION, Task.QUANTILE, Task.FORECASTING)
"""The tasks whose label has a unit."""


class NetworkSpec(FamilySpec):
    """A network of torch, trained by steps of an optimiser."""

    tasks: ClassVar[tuple[Task, ...]] = tuple(task for task in LOSSES if task.is_labelled)
    reads: ClassVar[tuple[str, ...]] = SECTIONS
    logs: ClassVar[tuple[str, ...]] = ("val_loss", "train_loss")
    effort: ClassVar[Effort | None] = Effort("trainer.max_epochs", "epoch")

    def check(self, model: Model) -> None:
        losses = LOSSES.get(model.task, ())
        if losses and model.loss and model.loss.name not in losses:
            raise FieldError(
                f"`{model.loss.name}` does not fit task `{model.task}`; use {' or '.join(losses)}", "loss", "name"
            )
        if model.loss and model.loss.standardize and model.task not in (Task.REGRESSION, Task.FORECASTING):
            raise FieldError(
                f"only the label of a regression has a size, and the task is `{model.task}`", "loss", "standardize"
            )
        if model.loss and model.loss.balance and model.task in (*NUMBERS, Task.MULTILABEL):
            raise FieldError(f"it weighs the classes of one label, and the task is `{model.task}`", "loss", "balance")
        super().check(model)


def effective_loss(model: Model) -> Loss:
    """Return the loss that a model is trained with."""
    name: Any = LOSSES[model.task][0]
    return model.loss or Loss(name=name)
