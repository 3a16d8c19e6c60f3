"""Build many small networks that share their weights.

Lives here: TabMFamily, and the layer that all members share.
Not here: training it (network), what it may say (config.schema.families.tabm).
Law: it is TabM of Gorishniy et al. (2024): a member learns its own loss, and the answer is the mean of the members' answers.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from mlops.config.schema.families.tabm import TabM
from mlops.workloads.training.families.network.family import NetworkFamily


class SharedLinear(nn.Module):
    """One linear layer for all members, each with its own factors for inputs and outputs, and its own bias.

    `is_first`: its factors of inputs begin as random signs, so that members differ; all others begin as ones.
    """

    def __init__(self, members: int, inputs: int, outputs: int, *, is_first: bool) -> None:
        super().__init__()
        self.shared = nn.Linear(inputs, outputs, bias=False)
        ones = torch.ones(members, inputs)
        self.inputs = nn.Parameter(torch.where(torch.rand(members, inputs) < 0.5, -1.0, 1.0) if is_first else ones)
        self.outputs = nn.Parameter(torch.ones(members, outputs))
        bound = 1 / math.sqrt(inputs)
        self.bias = nn.Parameter(torch.empty(1, outputs).uniform_(-bound, bound).repeat(members, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x`: `[N, members, inputs]`."""
        out: torch.Tensor = self.shared(x * self.inputs) * self.outputs + self.bias
        return out


class MemberHeads(nn.Module):
    """A linear layer of each member's own."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, outputs).uniform_(-bound, bound))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nmi,mio->nmo", x, self.weight) + self.bias


class TabMNetwork(nn.Module):
    """Answers `[N, members, outputs]`."""

    def __init__(self, architecture: TabM, width: int, outputs: int) -> None:
        super().__init__()
        members, layers = architecture.members, list[nn.Module]()
        for place, hidden in enumerate(architecture.hidden):
            layers += [SharedLinear(members, width, hidden, is_first=place == 0), nn.ReLU()]
            if architecture.dropout:
                layers.append(nn.Dropout(architecture.dropout))
            width = hidden
        self.layers = nn.Sequential(*layers, MemberHeads(members, width, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(x[:, None, :])
        return out


class TabMFamily(NetworkFamily):
    def build(self, architecture: TabM, *, width: int, outputs: int) -> nn.Module:
        return TabMNetwork(architecture, width, outputs)
