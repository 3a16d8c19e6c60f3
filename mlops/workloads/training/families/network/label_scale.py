"""Learn a label in a unit of its own size.

Lives here: LabelScale, the mean and the deviation of the labels of a regression.
Not here: training (learner), giving predictions the label's own unit (predictor), standardising features (features).
Law: a label that is learned as it is has the mean 0 and the deviation 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


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
