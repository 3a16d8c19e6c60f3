"""Build a residual network of fully connected layers.

Lives here: ResidualMlpFamily, and ResidualBlock.
Not here: training it (network), what it may say (config.schema.families.residual_mlp).
Law: it is the network of Gorishniy et al., Revisiting Deep Learning Models for Tabular Data (2021), with layer norms, so that
a batch of one row trains.
"""

from __future__ import annotations

import torch
from torch import nn

from mlops.config.schema.families.residual_mlp import ResidualMlp
from mlops.workloads.training.families.network.family import NetworkFamily


class ResidualBlock(nn.Module):
    """Adds to its input what two layers make of it."""

    def __init__(self, width: int, inside: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, inside), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inside, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = x + self.layers(x)
        return out


class ResidualMlpFamily(NetworkFamily):
    def build(self, architecture: ResidualMlp, *, width: int, outputs: int) -> nn.Module:
        between = architecture.width
        inside = max(1, round(between * architecture.expansion))
        blocks = [ResidualBlock(between, inside, architecture.dropout) for _ in range(architecture.blocks)]
        head = [nn.LayerNorm(between), nn.ReLU(), nn.Linear(between, outputs)]
        return nn.Sequential(nn.Linear(width, between), *blocks, *head)
