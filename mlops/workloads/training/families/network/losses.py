"""Say how wrong several numbers a row are.

Lives here: vector_loss, pinball, and rising_quantiles.
Not here: the loss of one number or class (objective), choosing one (config.schema.families.network).
Law: quantiles never cross, in training as in what is exported.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional


def vector_loss(name: str, out: torch.Tensor, y: torch.Tensor, levels: Sequence[float]) -> torch.Tensor:
    """Return the loss of each row, `[N]`. `y`: `[N, K]`, or `[N]` where quantiles of these `levels` are learned."""
    match name:
        case "pinball":
            return pinball(out, y, torch.tensor(levels, dtype=out.dtype, device=out.device))
        case "bce":
            return functional.binary_cross_entropy_with_logits(out, y, reduction="none").mean(dim=1)
        case "mse":
            return functional.mse_loss(out, y, reduction="none").mean(dim=1)
        case "huber":
            return functional.huber_loss(out, y, reduction="none").mean(dim=1)
        case _:
            return functional.l1_loss(out, y, reduction="none").mean(dim=1)


def rising_quantiles(out: torch.Tensor) -> torch.Tensor:
    """Return `[N, Q]` quantiles: the first number is the lowest, each other one says how far the next is above it."""
    steps = functional.softplus(out[:, 1:])
    return torch.cat([out[:, :1], out[:, :1] + torch.cumsum(steps, dim=1)], dim=1)


def pinball(out: torch.Tensor, y: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """Return the pinball loss of each row, `[N]`: Koenker and Bassett, Regression Quantiles (1978). `levels`: `[Q]`."""
    above = y[:, None] - rising_quantiles(out)
    return torch.maximum(levels * above, (levels - 1) * above).mean(dim=1)
