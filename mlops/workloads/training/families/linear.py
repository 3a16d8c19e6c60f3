"""Build a linear network.

Lives here: LinearFamily.
Not here: training it (network), what it may say (config.schema.families.linear).
Law: one layer, and nothing behind it.
"""

from __future__ import annotations

from torch import nn

from mlops.config.schema.families.linear import Linear
from mlops.workloads.training.families.network.family import NetworkFamily


class LinearFamily(NetworkFamily):
    def build(self, architecture: Linear, *, width: int, outputs: int) -> nn.Module:
        return nn.Linear(width, outputs)
