"""Build a network of fully connected layers.

Lives here: MlpFamily.
Not here: training it (network), what it may say (config.schema.families.mlp).
Law: each layer is followed by its norm, its activation and its dropout, in this order.
"""

from __future__ import annotations

from torch import nn

from mlops.config.schema.families.mlp import Mlp
from mlops.workloads.training.families.network.family import NetworkFamily

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}


class MlpFamily(NetworkFamily):
    def build(self, architecture: Mlp, *, width: int, outputs: int) -> nn.Module:
        layers: list[nn.Module] = []
        for hidden in architecture.hidden:
            layers.append(nn.Linear(width, hidden))
            if architecture.norm == "batch":
                layers.append(nn.BatchNorm1d(hidden))
            elif architecture.norm == "layer":
                layers.append(nn.LayerNorm(hidden))
            layers.append(_ACTIVATIONS[architecture.activation]())
            if architecture.dropout:
                layers.append(nn.Dropout(architecture.dropout))
            width = hidden
        return nn.Sequential(*layers, nn.Linear(width, outputs))
