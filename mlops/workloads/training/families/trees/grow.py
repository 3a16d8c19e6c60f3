"""Grow trees by LightGBM.

Lives here: grow, which calls LightGBM; its parameters for a task; weights of rows; what was measured on the way.
Not here: the kinds of trees (training.families), what was grown (fitted).
Law: one seed and one number of threads, one forest; a tree more or less never depends on the time, unless a limit of minutes is set.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from mlops.config.schema.families.network import effective_loss
from mlops.config.schema.families.trees import TreesSpec
from mlops.config.schema.model import Model
from mlops.metrics.task import Task
from mlops.workloads.stage import failed
from mlops.workloads.training.families.family import Examples, Fit
from mlops.workloads.training.families.trees.fitted import FittedTrees
from mlops.workloads.training.run_log import RunLog

_OBJECTIVES = {
    "bce": "binary",
    "cross_entropy": "multiclass",
    "mse": "regression",
    "mae": "regression_l1",
    "huber": "huber",
}
_METRICS = {Task.BINARY: ("auc", "binary_logloss"), Task.MULTICLASS: ("multi_logloss",), Task.REGRESSION: ("l2",)}
_NAMES = {"auc": "val_auc", "binary_logloss": "val_loss", "multi_logloss": "val_loss", "l2": "val_loss"}
_DIRECTIONS = {"increasing": 1, "decreasing": -1}
_EACH = 0.5
_SECONDS_A_MINUTE = 60.0


class TimeIsOver(Exception):
    """Growing was to end before it did; nothing of it is kept."""


@dataclass(frozen=True)
class Label:
    """How a label is learned: less `center`, divided by `scale`; those of classes are learned as they are."""

    center: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, task: Task, y: npt.NDArray[Any]) -> Label:
        if task is not Task.REGRESSION:
            return cls()
        return cls(float(y.mean(dtype=np.float64)), float(y.std(dtype=np.float64)) or 1.0)

    def standard(self, y: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return (y.astype(np.float64) - self.center) / self.scale


def grow(
    fit: Fit, params: Mapping[str, Any], *, trees: int, patience: int | None = None, keep_all: bool = False,
    end: float = math.inf, keep_cut: bool = False,
) -> FittedTrees:  # fmt: skip
    """Grow trees on the train split. `params`: LightGBM's, beside those that every kind of trees has. `patience`: trees without a
    better value on validation after which growing ends, and the best number is kept, or all with `keep_all`. `end`: the moment of
    the monotonic clock at which growing ends; what has grown is the model with `keep_cut`. Raises TimeIsOver without it."""
    spec = fit.spec
    label = Label.of(spec.task, fit.train.y)
    given = {**base_params(spec, fit), **params}
    train = dataset(fit.train, fit, label, given)
    val = dataset(fit.val, fit, label, given, reference=train)
    minutes = spec.trainer.limit_minutes
    limit = math.inf if minutes is None else time.monotonic() + minutes * _SECONDS_A_MINUTE
    watch = _Watch(
        trees, limit=min(limit, end if keep_cut else math.inf), end=math.inf if keep_cut else end, log=fit.log
    )
    callbacks: list[Any] = [watch]
    if patience is not None:
        callbacks.append(lightgbm.early_stopping(patience, first_metric_only=True, verbose=False))
    try:
        booster = lightgbm.train(given, train, trees, valid_sets=[val], valid_names=["val"], callbacks=callbacks)
    except lightgbm.basic.LightGBMError as error:
        raise failed(
            "trees cannot be grown", f"LightGBM: {error}. Look at `architecture`, and at the data's profile."
        ) from error
    taken = len(watch.logged)
    kept = booster.best_iteration if patience is not None and booster.best_iteration > 0 else taken
    importance = _importance(booster, fit, kept)
    return FittedTrees(
        booster.model_to_string(num_iteration=taken if keep_all else kept), spec.task, width=fit.width, center=label.center, scale=label.scale,
        logged=watch.logged, summary={"trees": taken, "kept": kept, "importance": importance, **({"cut": True} if watch.is_cut and keep_cut else {})},
    )  # fmt: skip


def base_params(spec: Model, fit: Fit) -> dict[str, Any]:
    """Return the parameters of LightGBM that every kind of trees shares."""
    trees = spec.architecture
    assert isinstance(trees, TreesSpec)
    params: dict[str, Any] = {
        "objective": _OBJECTIVES[effective_loss(spec).name], "metric": list(_METRICS[spec.task]),
        "seed": spec.trainer.seed, "num_threads": spec.trainer.threads, "deterministic": True, "force_row_wise": True,
        "verbosity": -1, "max_depth": trees.depth or -1, "min_data_in_leaf": trees.min_rows or least_rows(len(fit.train.y)),
        "lambda_l1": trees.l1, "lambda_l2": trees.l2,
    }  # fmt: skip
    if spec.task is Task.MULTICLASS:
        params["num_class"] = len(fit.classes)
    if trees.monotone:
        params["monotone_constraints"] = _constraints(trees.monotone, fit)
    return params


def least_rows(rows: int) -> int:
    """Return the rows of a leaf at least, by those of the train split: a hundredth of them, at least 3 and at most 20."""
    return min(20, max(3, rows // 100))


def dataset(
    part: Examples, fit: Fit, label: Label, params: Mapping[str, Any], reference: lightgbm.Dataset | None = None
) -> lightgbm.Dataset:
    """Return rows as LightGBM takes them."""
    codes = [place for place, column in enumerate(fit.columns) if column.codes]
    names = [f"f{place}" for place in range(fit.width)]
    return lightgbm.Dataset(
        part.x, label.standard(part.y), reference=reference, weight=_weights(fit, part.y), feature_name=names,
        categorical_feature=codes, params=dict(params), free_raw_data=True,
    )  # fmt: skip


def _weights(fit: Fit, y: npt.NDArray[Any]) -> npt.NDArray[np.float64] | None:
    """Return the weight of each row where classes are balanced, by their frequency in the train split."""
    if not effective_loss(fit.spec).balance:
        return None
    counts = np.maximum(np.bincount(fit.train.y.astype(np.int64), minlength=max(len(fit.classes), 2)), 1)
    of_class = counts[0] / counts if fit.spec.task is Task.BINARY else len(fit.train.y) / (len(counts) * counts)
    return np.asarray(of_class[y.astype(np.int64)], dtype=np.float64)


def _constraints(monotone: Mapping[str, str], fit: Fit) -> list[int]:
    amounts = [column.column for column in fit.columns if not column.codes]
    unknown = sorted(set(monotone) - set(amounts))
    if unknown:
        raise failed(
            "no such column",
            f"`architecture.monotone` names {', '.join(unknown)}; features that are amounts: {', '.join(amounts) or 'none'}.",
        )
    return [_DIRECTIONS[monotone[c.column]] if c.column in monotone and not c.codes else 0 for c in fit.columns]


def _importance(booster: lightgbm.Booster, fit: Fit, kept: int) -> dict[str, float]:
    """Return column -> its share of what all splits gained, the largest first."""
    gains = booster.feature_importance("gain", iteration=kept)
    total = float(gains.sum()) or 1.0
    of_column: dict[str, float] = {}
    for column, gain in zip(fit.columns, gains.tolist(), strict=True):
        of_column[column.column] = of_column.get(column.column, 0.0) + gain / total
    return {name: round(share, 6) for name, share in sorted(of_column.items(), key=lambda pair: (-pair[1], pair[0]))}


class _Watch:
    """Notes what each tree brought, says how far growing is, ends it at `limit`, and gives it up at `end`."""

    order = 10
    before_iteration = False

    def __init__(self, most: int, *, limit: float, end: float, log: RunLog) -> None:
        self.logged: list[dict[str, float]] = []
        self._log = log
        self._most = most
        self._limit, self._end = limit, end
        self.is_cut = False
        self._next = 0.0

    def __call__(self, env: Any) -> None:
        results: list[tuple[str, str, float, bool]] = env.evaluation_result_list or []
        measured = {_NAMES.get(metric, f"val_{metric}"): round(float(value), 6) for _, metric, value, *_ in results}
        self.logged.append({"tree": env.iteration + 1, **measured})
        self._log.note(env.iteration + 1, measured)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EACH
            words = ", ".join(f"{name} {value:.4f}" for name, value in measured.items())
            self._log.say(
                f"tree {env.iteration + 1} of at most {self._most}, {words}",
                0.1 + 0.8 * (env.iteration + 1) / self._most,
            )
        if now >= self._end and env.iteration + 1 < self._most:
            raise TimeIsOver
        if now >= self._limit:
            self.is_cut = env.iteration + 1 < self._most
            raise lightgbm.callback.EarlyStopException(env.iteration, results)
