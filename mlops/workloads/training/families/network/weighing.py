"""Say how much each row counts.

Lives here: weigh, which makes tensors of the rows of train and validation, with their weights.
Not here: what the weights are used for (objective).
Law: weights are 1 on average over the train split, so that they change the size of no step.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from mlops.config.schema.training import Loss, class_name
from mlops.workloads.stage import failed
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
    if of_class is None:
        return part.weights
    by_class = of_class[part.y.astype(np.int64)]
    return by_class if part.weights is None else by_class * part.weights


def _class_weights(fit: Fit, loss: Loss) -> npt.NDArray[np.float64] | None:
    """Return what a row of each class counts, None where all count alike. Raises MlopsError for a class that is none."""
    if not (loss.balance or loss.class_weights):
        return None
    weights: npt.NDArray[np.float64] = np.ones(len(fit.classes))
    if loss.balance:
        counts = np.bincount(fit.train.y.astype(np.int64), minlength=len(fit.classes)).clip(min=1)
        weights = len(fit.train.y) / (len(fit.classes) * counts)
    names = [class_name(one) for one in fit.classes]
    given = loss.class_weights or {}
    if unknown := sorted(set(given) - set(names)):
        raise failed(
            "no such class",
            f"`loss.class_weights` names {', '.join(unknown)}; the label has the classes {', '.join(names)}.",
        )
    weights *= np.array([given.get(name, 1.0) for name in names])
    return weights
