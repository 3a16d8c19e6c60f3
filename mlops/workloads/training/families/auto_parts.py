"""Make what the default for tables is made of.

Lives here: LinearPart; fit_part, which makes a candidate of rows; sums_of, what a part says of rows, in terms that add up.
Not here: which candidates there are (auto_space), which are kept (auto).
Law: a linear part reads amounts, trees read codes; a regression is learned of the standardised label.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from mlops.config.schema.families.boosted_trees import BoostedTrees
from mlops.config.schema.families.encoding import Encoding
from mlops.config.schema.families.random_forest import RandomForest
from mlops.metrics.task import Task
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.training.families.auto_space import FOREST, Candidate
from mlops.workloads.training.families.boosted_trees import boosting_params
from mlops.workloads.training.families.family import Examples, Fit
from mlops.workloads.training.families.random_forest import forest_params
from mlops.workloads.training.families.trees.fitted import FittedTrees
from mlops.workloads.training.families.trees.grow import Label, grow

_NEVER = 10.0
"""The logit of a chance near 1; less than this, of one near 0."""


@dataclass(frozen=True)
class LinearPart:
    """`coefficients`: `[A, K]`. `intercept`: `[K]`. Of standardised labels, for a regression."""

    coefficients: Array
    intercept: Array

    @classmethod
    def fit(cls, x: npt.NDArray[np.float32], y: npt.NDArray[Any], model: Any, *, outputs: int | None) -> LinearPart:
        """Fit `model` to these rows; a class that they do not have gets a chance near 0. `outputs`: None unless there are several
        classes."""
        is_regression = isinstance(model, Ridge)
        found, places = np.unique(y, return_inverse=True)
        is_one_class = not is_regression and len(found) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            if not is_one_class:
                model.fit(x.astype(np.float64), y if is_regression else places)
        if outputs is not None:
            coefficients, intercept = np.zeros((x.shape[1], outputs)), np.full(outputs, -_NEVER)
            own, base = (np.zeros((1, x.shape[1])), np.zeros(1)) if is_one_class else (model.coef_, model.intercept_)
            if len(found) == 2:  # one row of coefficients, of the second class against the first
                own, base = np.concatenate([-own, own]) / 2, np.concatenate([-base, base]) / 2
            coefficients[:, found.astype(np.int64)], intercept[found.astype(np.int64)] = own.T, base
            return cls(coefficients, intercept)
        if is_one_class:
            return cls(np.zeros((x.shape[1], 1)), np.asarray([_NEVER * (2 * float(found[0]) - 1)]))
        return cls(
            np.asarray(model.coef_, np.float64).reshape(-1, 1), np.atleast_1d(np.asarray(model.intercept_, np.float64))
        )

    def sums(self, x: npt.NDArray[np.float32]) -> Array:
        summed: Array = x.astype(np.float64) @ self.coefficients + self.intercept
        return summed


Part = LinearPart | FittedTrees


def amounts_of(fit: Fit) -> int:
    """Return how many numbers of a row, from the first on, are amounts; the others are codes."""
    return sum(column.encoding is Encoding.AMOUNTS for column in fit.columns)


def fit_part(
    candidate: Candidate, fit: Fit, train: Examples, val: Examples, *, trees: int | None = None, keep_all: bool = False,
    end: float = math.inf, keep_cut: bool = False,
) -> Part:  # fmt: skip
    """Learn from these rows. `trees`: as many boosted trees as this, else as many as are best on `val`, or some more. `end`,
    `keep_cut`: the moment at which growing trees ends, see `grow`."""
    amounts = amounts_of(fit)
    if candidate.is_linear:
        options = {name: value for name, value in candidate.values.items() if name != "_target_"}
        model = Ridge(**options) if fit.spec.task is Task.REGRESSION else LogisticRegression(**options)
        y = Label.of(fit.spec.task, fit.train.y).standard(train.y)
        outputs = len(fit.classes) if fit.spec.task is Task.MULTICLASS else None
        with threadpool_limits(fit.spec.trainer.threads):
            return LinearPart.fit(train.x[:, :amounts], y, model, outputs=outputs)
    parts = [replace(part, x=np.ascontiguousarray(part.x[:, amounts:])) for part in (train, val)]
    values = {"name": candidate.family, **candidate.values}
    chosen = RandomForest(**values) if candidate.family == FOREST else BoostedTrees(**values)
    if isinstance(chosen, BoostedTrees) and trees is not None:
        chosen = chosen.model_copy(update={"trees": trees, "patience": None})
    own = fit.spec.model_copy(update={"architecture": chosen})
    fit = replace(fit, spec=own, train=parts[0], val=parts[1], columns=fit.columns[amounts:])
    if isinstance(chosen, RandomForest):
        return grow(fit, forest_params(chosen), trees=chosen.trees, end=end, keep_cut=keep_cut)
    return grow(
        fit, boosting_params(chosen), trees=chosen.trees, patience=chosen.patience, keep_all=keep_all, end=end,
        keep_cut=keep_cut,
    )  # fmt: skip


def sums_of(part: Part, fit: Fit, x: npt.NDArray[np.float32], *, trees: int | None = None) -> Array:
    """Return what a part says of rows, `[N, K]`: logits, logarithms of chances, or numbers in terms of the standardised label of
    all rows. `trees`: only the first of them."""
    amounts, label = amounts_of(fit), Label.of(fit.spec.task, fit.train.y)
    if isinstance(part, LinearPart):
        return logarithms_of(part.sums(x[:, :amounts]), fit.spec.task)
    summed = part.sums(np.ascontiguousarray(x[:, amounts:]), trees=trees) * (part.scale / label.scale)
    return logarithms_of(summed + (part.center - label.center) / label.scale, fit.spec.task)


def logarithms_of(summed: Array, task: Task) -> Array:
    """Return the logarithms of chances where there are several classes; other sums as they are."""
    if task is not Task.MULTICLASS:
        return summed
    shifted = summed - summed.max(axis=1, keepdims=True)
    logarithms: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logarithms
