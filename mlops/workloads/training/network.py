"""Build networks.

Lives here: build_network (from the architecture that the spec names), Predictor (logits to predictions).
Not here: training them (learn).
Law: a `_target_` is imported here and nowhere else, after its module was checked against the project's list.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import nn

from mlops.config.schema.model import Custom, Linear, Mlp
from mlops.workloads.stage import failed
from mlops.workloads.training.task import Task

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}


def build_network(architecture: Mlp | Linear | Custom, *, width: int, outputs: int) -> nn.Module:
    """`[N, width]` FLOAT to `[N, outputs]` logits, or values for a regression."""
    match architecture:
        case Linear():
            return nn.Linear(width, outputs)
        case Mlp():
            return _mlp(architecture, width, outputs)
        case Custom():
            return _custom(architecture, width, outputs)


def _mlp(spec: Mlp, width: int, outputs: int) -> nn.Module:
    layers: list[nn.Module] = []
    for hidden in spec.hidden:
        layers.append(nn.Linear(width, hidden))
        if spec.norm == "batch":
            layers.append(nn.BatchNorm1d(hidden))
        elif spec.norm == "layer":
            layers.append(nn.LayerNorm(hidden))
        layers.append(_ACTIVATIONS[spec.activation]())
        if spec.dropout:
            layers.append(nn.Dropout(spec.dropout))
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def _custom(spec: Custom, width: int, outputs: int) -> nn.Module:
    module, _, name = spec.target.rpartition(".")
    given: dict[str, Any] = dict(spec.model_extra or {})
    try:
        made = getattr(importlib.import_module(module), name)(width=width, outputs=outputs, **given)
    except (ImportError, AttributeError, TypeError) as error:
        raise failed(
            "target cannot be built",
            f"`_target_: {spec.target}`: {error}. It is called with width and outputs (whole numbers) and with the other "
            "fields of `architecture`, and gives a torch module.",
        ) from error
    if not isinstance(made, nn.Module):
        raise failed(
            "target is no network", f"`_target_: {spec.target}` made a {type(made).__name__}, not a torch module."
        )
    return made


def logits_of(task: Task, classes: int) -> int:
    return classes if task == "multiclass" else 1


class Predictor(nn.Module):
    """The network with its last step: a probability `[N]`, probabilities `[N, K]`, or a number `[N]`."""

    def __init__(self, network: nn.Module, task: Task) -> None:
        super().__init__()
        self.network = network
        self.task = task

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        told: torch.Tensor = self.network(x)
        match self.task:
            case "binary":
                return torch.sigmoid(told).squeeze(1)
            case "multiclass":
                return torch.softmax(told, dim=1)
            case "regression":
                return told.squeeze(1)
