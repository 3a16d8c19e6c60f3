"""Make predictions of what a network gives.

Lives here: Predictor.
Not here: training it (learner), its architecture (training.families).
Law: what is exported and what trained predict by this one module, in the unit of the label.
"""

from __future__ import annotations

import torch
from torch import nn

from mlops.metrics.task import Task
from mlops.workloads.training.families.network.label_scale import LabelScale
from mlops.workloads.training.families.network.losses import rising_quantiles

LABEL_UNITS = ("label_center", "label_scale")
"""Names of the buffers that hold the label's unit."""


class Predictor(nn.Module):
    """The network with its last step: a probability `[N]`, probabilities `[N, K]`, a number `[N]`, or numbers `[N, K]`.

    A network that predicts numbers learns them with the mean 0 and the deviation 1; `label_center` and `label_scale` lead
    back to the label's unit.
    """

    label_center: torch.Tensor
    label_scale: torch.Tensor

    def __init__(self, network: nn.Module, task: Task, scale: LabelScale = LabelScale()) -> None:  # noqa: B008 - frozen
        super().__init__()
        self.network = network
        self.task = task
        self.register_buffer("label_center", torch.tensor(scale.center, dtype=torch.float32))
        self.register_buffer("label_scale", torch.tensor(scale.scale, dtype=torch.float32))

    @property
    def is_scaled(self) -> bool:
        return float(self.label_center) != 0.0 or float(self.label_scale) != 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.answer(self.network(x))

    def answer(self, out: torch.Tensor) -> torch.Tensor:
        """Return the predictions of what the network gave; of a network with members, `[N, M, K]`, the mean of theirs."""
        if out.dim() == 3:
            return torch.stack([self.answer(each) for each in out.unbind(1)]).mean(dim=0)
        match self.task:
            case Task.BINARY:
                return torch.sigmoid(out).squeeze(1)
            case Task.MULTICLASS:
                return torch.softmax(out, dim=1)
            case Task.REGRESSION:
                return out.squeeze(1) * self.label_scale + self.label_center
            case Task.MULTILABEL:
                return torch.sigmoid(out)
            case Task.QUANTILE:
                return rising_quantiles(out) * self.label_scale + self.label_center
            case Task.FORECASTING:
                return out * self.label_scale + self.label_center
            case Task.ANOMALY:
                return out.squeeze(1)
            case Task.CLUSTERING | Task.REDUCTION:
                return out
