"""Choose how weights move.

Lives here: make_optimizer, and make_schedule, how the learning rate goes.
Not here: the fields that choose them (config.schema.training), taking the steps (learner).
Law: a schedule's state is numbers alone, so that a checkpoint holds it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mlops.config.schema.training import Optimizer
from mlops.workloads.training.families.network.transfer import rate_groups

_RISING = 0.3
"""Share of the steps in which one_cycle rises, where nobody says another one."""
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.Embedding)


def make_optimizer(
    network: nn.Module, spec: Optimizer, *, fused: bool, rates: Mapping[str, float] | None = None
) -> torch.optim.Optimizer:
    """Return the optimiser. `fused`: one kernel a step instead of a dozen for each tensor. `rates`: pattern of names -> what the
    learning rate of these weights is multiplied by."""
    lr, groups = spec.lr or 0.0, parameter_groups(network, spec)
    if rates:
        groups = rate_groups(network, groups, rates, lr)
    match spec.name:
        case "adamw":
            return torch.optim.AdamW(groups, lr=lr, fused=fused)
        case "adam":
            return torch.optim.Adam(groups, lr=lr, fused=fused)
        case "sgd":
            return torch.optim.SGD(groups, lr=lr, momentum=spec.momentum)


def parameter_groups(network: nn.Module, spec: Optimizer) -> list[dict[str, Any]]:
    """Return the parameters that decay draws to zero, and beside them those that it leaves alone, if any."""
    decay = spec.weight_decay or 0.0
    parameters = [one for one in network.parameters() if one.requires_grad]
    drawn = {id(one) for one in drawn_to_zero(network)}
    if decay == 0 or spec.decay_all or len(drawn) == len(parameters):
        return [{"params": parameters, "weight_decay": decay}]
    left = [one for one in parameters if id(one) not in drawn]
    kept = [one for one in parameters if id(one) in drawn]
    return [{"params": some, "weight_decay": by} for some, by in ((kept, decay), (left, 0.0)) if some]


def drawn_to_zero(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights that are no biases and belong to no norm: those that decay and `l1` are for."""
    of_norms = {
        id(one)
        for module in network.modules()
        if isinstance(module, _NORMS)
        for one in module.parameters(recurse=False)
    }
    return [one for one in network.parameters() if one.requires_grad and one.dim() > 1 and id(one) not in of_norms]


@dataclass
class Factor:
    """Is what a learning rate is multiplied by at a step. `fallen`: how often `plateau` has let it fall."""

    name: str
    steps: int
    rising: int
    epoch: int
    interval: int
    by: float
    fallen: int = 0

    def __call__(self, step: int) -> float:
        if step < self.rising:
            return (step + 1) / (self.rising + 1)
        match self.name:
            case "cosine":
                done = min(1.0, (step - self.rising) / max(1, self.steps - self.rising))
                return 0.5 * (1 + math.cos(math.pi * done))
            case "step":
                return self.by ** (step // (self.epoch * self.interval))
            case _:
                return self.by**self.fallen

    def after_epoch(self, waited: int) -> None:
        """Let a rate on a plateau fall. `waited`: epochs without a better value."""
        if self.name == "plateau" and waited and waited % self.interval == 0:
            self.fallen += 1


def make_schedule(optimizer: torch.optim.Optimizer, spec: Optimizer, *, steps: int, epochs: int) -> Any:
    """Return what sets the learning rate at each of the steps; None where it stays."""
    steps = max(2, steps)
    warmup = spec.warmup if spec.warmup is not None else _RISING if spec.schedule == "one_cycle" else 0.0
    if spec.schedule == "one_cycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=steps, pct_start=warmup)
    if spec.schedule == "constant" and not warmup:
        return None
    interval = spec.interval or max(1, math.ceil(epochs / (3 if spec.schedule == "step" else 10)))
    epoch = max(1, math.ceil(steps / epochs))
    factor = Factor(spec.schedule, steps, round(warmup * steps), epoch, interval, spec.factor)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
