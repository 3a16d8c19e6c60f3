"""Say how wrong several numbers a row are.

Lives here: pinball and rising_quantiles.
Not here: the losses that torch has (learn), choosing one (config.schema.families.network).
Law: quantiles never cross, in training as in what is exported.
"""

from __future__ import annotations

import torch
from torch.nn import functional


def rising_quantiles(out: torch.Tensor) -> torch.Tensor:
    """Return `[N, Q]` quantiles: the first number is the lowest, each other one says how far the next is above it."""
    steps = functional.softplus(out[:, 1:])
    return torch.cat([out[:, :1], out[:, :1] + torch.cumsum(steps, dim=1)], dim=1)


def pinball(out: torch.Tensor, y: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """Return the pinball loss of each row, `[N]`: Koenker and Bassett, Regression Quantiles (1978). `levels`: `[Q]`."""
    above = y[:, None] - rising_quantiles(out)
    return torch.maximum(levels * above, (levels - 1) * above).mean(dim=1)
