"""Learn from a table that nobody knows yet.

Lives here: AutoFamily, and FittedAuto.
Not here: boosting (boosted_trees), weighing (stacking), what it may say (config.schema.families.auto).
Law: how many trees there are, and how much they count beside the linear model, is decided by rows that neither learned from: in
turn a fifth of a small train split, else the validation split. See docs/decisions/0027-the-default-for-tables.md.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from mlops.config.schema.families.boosted_trees import BoostedTrees
from mlops.config.schema.families.encoding import Encoding
from mlops.metrics.task import Task
from mlops.workloads.features.graph import IR, ML_OPSET, OPSET
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.stage import say, write_json
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.boosted_trees import boosting_params
from mlops.workloads.training.families.family import INPUT, Examples, Family, Fit, Fitted
from mlops.workloads.training.families.stacking import chances_of, losses_of, stack
from mlops.workloads.training.families.trees.fitted import FittedTrees
from mlops.workloads.training.families.trees.graph import sum_of_trees
from mlops.workloads.training.families.trees.grow import Label, grow

_FOLDED_ROWS, _FOLDS = 10_000, 5
_MOST_TREES, _PATIENCE, _STEPS = 1000, 50, 200
_NEVER = 10.0
"""The logit of a chance near 1; less than this, of one near 0."""
_TREES, _FILE = "trees.txt", "auto.json"


@dataclass(frozen=True)
class LinearPart:
    """`coefficients`: `[A, K]`. `intercept`: `[K]`. Of standardised labels, for a regression."""

    coefficients: Array
    intercept: Array

    @classmethod
    def fit(
        cls, x: npt.NDArray[np.float32], y: npt.NDArray[Any], task: Task, *, outputs: int, threads: int
    ) -> LinearPart:
        """Fit to these rows; a class that they do not have gets a chance near 0."""
        found, places = np.unique(y, return_inverse=True)
        is_one_class = task is not Task.REGRESSION and len(found) == 1
        with threadpool_limits(threads), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = Ridge() if task is Task.REGRESSION else LogisticRegression(max_iter=_STEPS)
            if not is_one_class:
                model.fit(x.astype(np.float64), y if task is Task.REGRESSION else places)
        if task is Task.MULTICLASS:
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


class AutoFamily(Family):
    def fit(self, fit: Fit) -> Fitted:
        label = Label.of(fit.spec.task, fit.train.y)
        linear = _linear(fit, fit.train, label)
        if len(fit.train.y) <= _FOLDED_ROWS:
            count, held_out, truth = self._folded(fit, label)
            trees = _boost(fit, fit.train, fit.val, trees=count)
            weights, bias = weigh(held_out, truth, fit.spec.task)
        else:
            trees = _boost(fit, fit.train, fit.val)
            count = int(trees.summary["kept"])
            held_out = _sums(fit, linear, trees, label, fit.val.x)
            weights, bias = stack(held_out, label.standard(fit.val.y), fit.spec.task)
        shares = {"linear": round(float(weights[0]), 6), "trees": round(float(weights[1]), 6)}
        importance = {"importance": trees.summary["importance"]} if count else {}
        return FittedAuto(
            fit.spec.task,
            linear,
            trees,
            weights,
            bias,
            label,
            summary={"trees": count, "weights": shares, **importance},
        )

    def _folded(self, fit: Fit, label: Label) -> tuple[int, Array, Array]:
        """Return how many trees are best, and of each row of the train split what both parts say that did not learn from it."""
        folds = np.random.default_rng(fit.spec.trainer.seed).permutation(len(fit.train.y)) % _FOLDS
        parts = [(_part(fit.train, folds != fold), _part(fit.train, folds == fold)) for fold in range(_FOLDS)]
        boosted = []
        for fold, (rest, part) in enumerate(parts):
            say(f"learning without fold {fold + 1} of {_FOLDS}", 0.1 + 0.8 * fold / _FOLDS)
            boosted.append(_boost(fit, rest, part, keep_all=True))
        count = max(1, round(float(np.median([trees.summary["kept"] for trees in boosted]))))
        held_out: Array | None = None
        for fold, (rest, part) in enumerate(parts):
            summed = _sums(fit, _linear(fit, rest, label), boosted[fold], label, part.x, trees=count)
            held_out = np.empty((len(folds), *summed.shape[1:])) if held_out is None else held_out
            held_out[folds == fold] = summed
        assert held_out is not None
        return count, held_out, label.standard(fit.train.y)

    def load(self, folder: Path, description: Description) -> Fitted:
        content = json.loads((folder / _FILE).read_text())
        linear = LinearPart(np.asarray(content["coefficients"]), np.asarray(content["intercept"]))
        trees = FittedTrees(
            (folder / _TREES).read_text(), description.task, width=description.width - len(linear.coefficients)
        )
        weights, bias = np.asarray(content["weights"]), np.asarray(content["bias"])
        return FittedAuto(description.task, linear, trees, weights, bias, Label(content["center"], content["scale"]))


class FittedAuto(Fitted):
    """A weighted sum of a linear model, of the amounts of a row, and of trees, of its codes."""

    def __init__(
        self, task: Task, linear: LinearPart, trees: FittedTrees, weights: Array, bias: Array, label: Label, *,
        summary: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._task, self._linear, self._trees = task, linear, trees
        self._weights, self._bias, self._label = weights, bias, label
        self.logged, self.summary = trees.logged, summary or {}

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        amounts = len(self._linear.coefficients)
        parts = _both(self._task, self._linear.sums(x[:, :amounts]), self._trees.sums(x[:, amounts:]))
        summed: Array = np.einsum("nmk,m->nk", parts, self._weights) + self._bias
        if self._task is Task.REGRESSION:
            summed = summed * self._label.scale + self._label.center
        else:
            summed = chances_of(summed, self._task)
        predicted: npt.NDArray[Any] = (summed if self._task is Task.MULTICLASS else summed[:, 0]).astype(np.float32)
        return predicted

    def save(self, folder: Path) -> None:
        (folder / _TREES).write_text(self._trees.text)
        write_json(folder / _FILE, {
            "coefficients": self._linear.coefficients.tolist(), "intercept": self._linear.intercept.tolist(),
            "weights": self._weights.tolist(), "bias": self._bias.tolist(), "center": self._label.center,
            "scale": self._label.scale,
        })  # fmt: skip

    def to_onnx(self, output: str) -> onnx.ModelProto:
        amounts, outputs = self._linear.coefficients.shape
        width = amounts + self._trees.width
        trees, _ = sum_of_trees(self._trees.booster, "codes", "trees")
        constants = {
            "linear_places": np.arange(amounts, dtype=np.int64), "code_places": np.arange(amounts, width, dtype=np.int64),
            "coefficients": self._linear.coefficients, "intercept": self._linear.intercept[None, :],
            "of_linear": self._weights[0], "of_trees": self._weights[1], "bias": self._bias[None, :],
        }  # fmt: skip
        steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
            ("Gather", [INPUT, "linear_places"], "amounts", {"axis": 1}),
            ("Gather", [INPUT, "code_places"], "codes", {"axis": 1}),
            ("Cast", ["amounts"], "doubles", {"to": TensorProto.DOUBLE}),
            ("MatMul", ["doubles", "coefficients"], "products", {}),
            ("Add", ["products", "intercept"], "linear", {}),
        ]
        nodes = [helper.make_node(op, given, [name], **options) for op, given, name, options in steps] + [trees]
        steps = [("Cast", ["trees"], "tree_sums", {"to": TensorProto.DOUBLE})]
        parts = ["linear", "tree_sums"]
        if self._task is Task.MULTICLASS:
            steps += [("LogSoftmax", [part], f"{part}_logarithms", {"axis": 1}) for part in parts]
            parts = [f"{part}_logarithms" for part in parts]
        steps += [
            ("Mul", [parts[0], "of_linear"], "first", {}), ("Mul", [parts[1], "of_trees"], "second", {}),
            ("Add", ["first", "second"], "mixed", {}), ("Add", ["mixed", "bias"], "moved", {}),
        ]  # fmt: skip
        steps += self._last(constants)
        steps.append(("Cast", ["last"], output, {"to": TensorProto.FLOAT}))
        nodes += [helper.make_node(op, given, [name], **options) for op, given, name, options in steps]
        shape: list[str | int | None] = ["N", outputs] if self._task is Task.MULTICLASS else ["N"]
        graph = helper.make_graph(
            nodes, "auto", [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", width])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )  # fmt: skip
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR)

    def _last(self, constants: dict[str, Any]) -> Sequence[tuple[str, list[str], str, dict[str, Any]]]:
        """Return the steps from `moved` to `last`, and add the constants that they need."""
        if self._task is Task.MULTICLASS:
            return [("Softmax", ["moved"], "last", {"axis": 1})]
        constants["flat"] = np.asarray([-1], dtype=np.int64)
        if self._task is Task.BINARY:
            return [("Sigmoid", ["moved"], "chance", {}), ("Reshape", ["chance", "flat"], "last", {})]
        constants["scale"], constants["center"] = np.float64(self._label.scale), np.float64(self._label.center)
        return [("Mul", ["moved", "scale"], "scaled", {}), ("Add", ["scaled", "center"], "unscaled", {}),
                ("Reshape", ["unscaled", "flat"], "last", {})]  # fmt: skip


def weigh(held_out: Array, truth: Array, task: Task) -> tuple[Array, Array]:
    """Return the weights `[2]` and the bias `[K]` of the linear model and the trees; the linear model alone where both together
    are not better than it by more than one standard error, which few rows cannot tell from chance.

    `held_out`: `[N, 2, K]`, of rows that neither learned from. Each row is judged by weights that it had no part in.
    """
    linear = held_out[:, :1]
    folds = np.arange(len(truth)) % _FOLDS
    alone, mixed = np.empty(len(truth)), np.empty(len(truth))
    for fold in range(_FOLDS):
        rest, part = folds != fold, folds == fold
        for values, losses in ((linear, alone), (held_out, mixed)):
            weights, bias = stack(values[rest], truth[rest], task)
            losses[part] = losses_of(np.einsum("nmk,m->nk", values[part], weights) + bias, truth[part], task)
    gain = alone - mixed
    if gain.mean() > gain.std() / math.sqrt(len(gain)):
        return stack(held_out, truth, task)
    return np.asarray([1.0, 0.0]), np.zeros(held_out.shape[2])


def _both(task: Task, linear: Array, trees: Array) -> Array:
    """Return what both parts say, `[N, 2, K]`: logits, logarithms of chances, or standardised numbers."""
    parts = np.stack([linear, trees], axis=1)
    if task is not Task.MULTICLASS:
        return parts
    shifted = parts - parts.max(axis=2, keepdims=True)
    logarithms: Array = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    return logarithms


def _boost(
    fit: Fit, train: Examples, val: Examples, *, trees: int | None = None, keep_all: bool = False
) -> FittedTrees:
    """Boost on the codes of these rows; as many trees as are said, else as many as are best on `val`, or some more."""
    chosen = BoostedTrees(name="boosted_trees", trees=trees or _MOST_TREES, patience=None if trees else _PATIENCE)
    columns = [column for column in fit.columns if column.encoding is Encoding.CODES]
    codes = slice(len(fit.columns) - len(columns), None)
    parts = [replace(part, x=np.ascontiguousarray(part.x[:, codes])) for part in (train, val)]
    own = fit.spec.model_copy(update={"architecture": chosen})
    fit = replace(fit, spec=own, train=parts[0], val=parts[1], columns=columns)
    params = boosting_params(chosen)
    return grow(fit, params, trees=chosen.trees, patience=chosen.patience, keep_all=keep_all)


def _linear(fit: Fit, train: Examples, label: Label) -> LinearPart:
    amounts = sum(column.encoding is Encoding.AMOUNTS for column in fit.columns)
    return LinearPart.fit(
        train.x[:, :amounts],
        label.standard(train.y),
        fit.spec.task,
        outputs=max(len(fit.classes), 1),
        threads=fit.spec.trainer.threads,
    )


def _sums(
    fit: Fit,
    linear: LinearPart,
    boosted: FittedTrees,
    label: Label,
    x: npt.NDArray[np.float32],
    *,
    trees: int | None = None,
) -> Array:
    """Return what both parts say; trees standardised the label of the rows that they saw, and say it in that of all rows here."""
    amounts = len(linear.coefficients)
    of_trees = boosted.sums(np.ascontiguousarray(x[:, amounts:]), trees=trees) * (boosted.scale / label.scale)
    of_trees += (boosted.center - label.center) / label.scale
    return _both(fit.spec.task, linear.sums(x[:, :amounts]), of_trees)


def _part(examples: Examples, chosen: npt.NDArray[np.bool_]) -> Examples:
    truth = None if examples.truth is None else examples.truth[chosen]
    return Examples(examples.x[chosen], examples.y[chosen], truth)
