"""Choose how weights move.

Lives here: make_optimizer, and make_schedule, how the learning rate goes.
Not here: the fields that choose them (config.schema.training), taking the steps (learner).
Law: an optimiser that leaves a parameter out leaves it as it was made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from mlops.config.schema.training import Optimizer


def make_optimizer(parameters: Iterable[nn.Parameter], spec: Optimizer, *, fused: bool) -> torch.optim.Optimizer:
    """Return the optimiser. `fused`: one kernel a step instead of a dozen for each tensor."""
    lr, decay = spec.lr or 0.0, spec.weight_decay or 0.0
    match spec.name:
        case "adamw":
            return torch.optim.AdamW(parameters, lr=lr, weight_decay=decay, fused=fused)
        case "adam":
            return torch.optim.Adam(parameters, lr=lr, weight_decay=decay, fused=fused)
        case "sgd":
            return torch.optim.SGD(parameters, lr=lr, momentum=spec.momentum, weight_decay=decay)


def make_schedule(optimizer: torch.optim.Optimizer, spec: Optimizer, steps: int) -> Any:
    """Return what sets the learning rate at each of the steps; None where it stays."""
    steps = max(2, steps)
    match spec.schedule:
        case "constant":
            return None
        case "one_cycle":
            rates = [group["lr"] for group in optimizer.param_groups]
            return torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=steps, pct_start=spec.warmup)
        case "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
