"""Learn a label in a unit of its own size.

Lives here: LabelScale, which standardises the label of a regression and gives the trained network the label's own unit back.
Not here: training (learn), standardising features (workloads.features).
Law: what is saved and exported is a network like any other; nothing has to be remembered beside its weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mlops.workloads.stage import failed


@dataclass(frozen=True)
class LabelScale:
    """`center` and `scale`: mean and deviation of the labels of the train split."""

    center: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, labels: npt.NDArray[Any]) -> LabelScale:
        exact = labels.astype(np.float64)
        return cls(float(exact.mean()), float(exact.std()) or 1.0)

    def standard(self, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self == LabelScale():
            return labels
        return ((labels.astype(np.float64) - self.center) / self.scale).astype(np.float32)

    def restore(self, network: nn.Module) -> None:
        """Have the network answer in the label's unit. Raises MlopsError where its last layer is not linear."""
        if self == LabelScale():
            return
        last = network[-1] if isinstance(network, nn.Sequential) else network
        if not isinstance(last, nn.Linear) or last.bias is None:
            raise failed(
                "label cannot be standardised",
                f"`loss.standardize` gives the unit of the label to the last layer, and that of this network is no linear one "
                f"with a bias: {type(last).__name__}. Set it to false, and standardise in the network.",
            )
        with torch.no_grad():
            last.weight.mul_(self.scale)
            last.bias.mul_(self.scale).add_(self.center)
