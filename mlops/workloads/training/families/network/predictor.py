"""Make predictions of what a network gives.

Lives here: Predictor.
Not here: networks (training.families), training them (learn).
Law: the same module predicts in training and is exported.
"""

from __future__ import annotations

import torch
from torch import nn

from mlops.metrics.task import Task
from mlops.workloads.training.families.network.losses import rising_quantiles


class Predictor(nn.Module):
    """The network with its last step: a probability `[N]`, probabilities `[N, K]`, a number `[N]`, or numbers `[N, K]`."""

    def __init__(self, network: nn.Module, task: Task) -> None:
        super().__init__()
        self.network = network
        self.task = task

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.network(x)
        match self.task:
            case Task.BINARY:
                return torch.sigmoid(out).squeeze(1)
            case Task.MULTICLASS:
                return torch.softmax(out, dim=1)
            case Task.REGRESSION | Task.ANOMALY:
                return out.squeeze(1)
            case Task.MULTILABEL:
                return torch.sigmoid(out)
            case Task.QUANTILE:
                return rising_quantiles(out)
            case Task.FORECASTING | Task.CLUSTERING | Task.REDUCTION:
                return out
