"""Say how wrong a network is.

Lives here: Objective, the loss of a batch.
Not here: which loss is chosen (config.schema.families.network), making it small (learner).
Law: the losses of the parts of a batch sum to the loss of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from mlops.config.schema.training import Loss
from mlops.metrics.task import Task
from mlops.workloads.training.families.network.batches import Batch
from mlops.workloads.training.families.network.losses import vector_loss


@dataclass(frozen=True)
class Objective:
    """`levels`: the quantiles that are learned; none for other tasks."""

    task: Task
    loss: Loss
    levels: tuple[float, ...] = ()

    def of_batch(self, out: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return the share of this part of a batch in the loss of the whole: its sum divided by the rows of the whole."""
        rows = len(batch.y)
        if rows == 0:
            return out.sum() * 0.0
        if rows == batch.whole:
            return self.mean(out, batch.y, batch.weights)
        return self.mean(out, batch.y, batch.weights) * (rows / batch.whole)

    def mean(self, out: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        """Return the mean over the rows; of a network with members, `[N, M, K]`, over the members' own losses too."""
        if out.dim() == 3:
            members = out.shape[1]
            out, y = out.flatten(0, 1), y.repeat_interleave(members, dim=0)
            weights = None if weights is None else weights.repeat_interleave(members)
        if weights is not None:
            each = self._loss(out, y, "none")
            return (weights * (each.mean(1) if each.dim() > 1 else each)).mean()
        return self._loss(out, y, "mean")

    def _loss(self, out: torch.Tensor, y: torch.Tensor, reduction: str) -> torch.Tensor:
        if self.task.is_vector or self.loss.name == "pinball":
            each = vector_loss(self.loss.name, out, y, self.levels)
            return each.mean() if reduction == "mean" else each
        match self.loss.name:
            case "bce":
                if smoothing := self.loss.label_smoothing:
                    y = y * (1 - smoothing) + smoothing / 2
                return functional.binary_cross_entropy_with_logits(out.squeeze(1), y, reduction=reduction)
            case "cross_entropy":
                smoothing = self.loss.label_smoothing
                return functional.cross_entropy(out, y, reduction=reduction, label_smoothing=smoothing)
            case "focal":
                each = self._focal(out, y)
                return each.mean() if reduction == "mean" else each
            case "mse":
                return functional.mse_loss(out.squeeze(1), y, reduction=reduction)
            case "mae":
                return functional.l1_loss(out.squeeze(1), y, reduction=reduction)
            case "huber":
                return functional.huber_loss(out.squeeze(1), y, reduction=reduction)

    def _focal(self, out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Compute the focal loss: Lin et al., Focal Loss for Dense Object Detection (2017), with gamma 2."""
        if self.task is Task.BINARY:
            logits = out.squeeze(1)
            each = functional.binary_cross_entropy_with_logits(logits, y, reduction="none")
            right = torch.sigmoid(torch.where(y > 0.5, logits, -logits))
        else:
            each = functional.cross_entropy(out, y, reduction="none")
            right = torch.softmax(out, dim=1).gather(1, y[:, None]).squeeze(1)
        return (1 - right) ** 2 * each
