"""Say how much each row counts.

Lives here: weigh, which makes tensors of the rows of train and validation, with their weights.
Not here: what the weights are used for (objective).
Law: weights are 1 on average over the train split, so that they change the size of no step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mlops.config.schema.training import Loss
from mlops.workloads.training.families.family import Examples, Fit
from mlops.workloads.training.families.network.batches import TensorRows
from mlops.workloads.training.families.network.label_scale import LabelScale


def weigh(fit: Fit, loss: Loss, scale: LabelScale) -> tuple[TensorRows, TensorRows]:
    """Return the rows of train and of validation."""
    of_class = _class_weights(fit, loss)
    weights = [_weights(part, of_class) for part in (fit.train, fit.val)]
    mean = 1.0 if weights[0] is None else float(weights[0].mean())
    train, val = (
        TensorRows(
            torch.from_numpy(part.x), torch.from_numpy(scale.standard(part.y)),
            None if given is None else torch.from_numpy((given / mean).astype(np.float32)),
        )
        for part, given in zip((fit.train, fit.val), weights, strict=True)
    )  # fmt: skip
    return train, val


def _weights(part: Examples, of_class: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64] | None:
    return None if of_class is None else of_class[part.y.astype(np.int64)]


def _class_weights(fit: Fit, loss: Loss) -> npt.NDArray[Any] | None:
    """Return what a row of each class counts, None where all count alike."""
    if not loss.balance:
        return None
    counts = np.bincount(fit.train.y.astype(np.int64), minlength=len(fit.classes)).clip(min=1)
    inverse: npt.NDArray[Any] = len(fit.train.y) / (len(fit.classes) * counts)
    return inverse
