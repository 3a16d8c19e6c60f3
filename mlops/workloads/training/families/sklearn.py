"""Fit an estimator of scikit-learn.

Lives here: SklearnFamily.
Not here: what it may say (config.schema.families.sklearn), keeping the graph (fitted_onnx).
Law: a `_target_` is imported here only after its module was checked against the project's list; what is kept is a graph, never
a pickle.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import skl2onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from threadpoolctl import threadpool_limits

from mlops.config.schema.families.sklearn import Sklearn
from mlops.config.schema.model import Model
from mlops.metrics.task import Task
from mlops.workloads.features.graph import IR, OPSET
from mlops.workloads.stage import failed
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import INPUT, Family, Fit, Fitted
from mlops.workloads.training.families.fitted_onnx import FittedOnnx, number_names

_TARGET = "_target_"
_ML_OPSET = 3
"""The newest that skl2onnx writes every operator of; joining raises it to that of the features."""


class SklearnFamily(Family):
    def fit(self, fit: Fit) -> Fitted:
        spec = fit.spec
        chosen = spec.architecture
        assert isinstance(chosen, Sklearn)
        estimator = make_estimator({_TARGET: chosen.target, **(chosen.model_extra or {})}, spec)
        _check_task(estimator, chosen.target, spec.task)
        y = fit.train.y if spec.task is Task.REGRESSION else fit.train.y.astype(np.int64)
        try:
            with threadpool_limits(spec.trainer.threads):
                estimator.fit(fit.train.x, y)
        except ValueError as error:
            raise failed("estimator cannot be fitted", f"`{_TARGET}: {chosen.target}`: {error}") from error
        _check_probabilities(estimator, chosen.target, spec.task)
        return FittedEstimator(estimator, chosen.target, spec.task, fit.width)

    def load(self, folder: Path, description: Description) -> Fitted:
        return FittedOnnx.load(folder)


class FittedEstimator(FittedOnnx):
    """An estimator that was fitted in this process: it predicts itself, and its graph is kept. Raises MlopsError where it cannot
    be converted."""

    def __init__(self, estimator: Any, target: str, task: Task, width: int) -> None:
        super().__init__(_graph(estimator, target, task, width))
        self._estimator, self._task = estimator, task

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        if self._task is Task.REGRESSION:
            return np.asarray(self._estimator.predict(x), dtype=np.float32).reshape(-1)
        chances = np.asarray(self._estimator.predict_proba(x), dtype=np.float32)
        return chances[:, 1] if self._task is Task.BINARY else chances


def make_estimator(given: Mapping[str, Any], spec: Model) -> Any:
    """Make what a mapping with `_target_` says, and what stands inside it; seed and threads are the trainer's where nothing
    else is said. Raises MlopsError."""
    target = str(given[_TARGET])
    module, _, name = target.rpartition(".")
    params = {key: _inside(value, spec) for key, value in given.items() if key not in (_TARGET, "name")}
    try:
        made_by = getattr(importlib.import_module(module), name)
        accepted = inspect.signature(made_by).parameters
        own = {"random_state": spec.trainer.seed}
        own |= {"n_jobs": spec.trainer.threads} if spec.trainer.threads > 1 else {}
        made = made_by(**{**{key: value for key, value in own.items() if key in accepted}, **params})
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise failed(
            "target cannot be built",
            f"`{_TARGET}: {target}`: {error}. It is called with the other fields of its mapping, and gives an estimator.",
        ) from error
    if not isinstance(made, BaseEstimator):
        raise failed(
            "target is no estimator",
            f"`{_TARGET}: {target}` made a {type(made).__name__}, not an estimator of scikit-learn.",
        )
    return made


def _inside(value: Any, spec: Model) -> Any:
    if isinstance(value, Mapping):
        return (
            make_estimator(value, spec) if _TARGET in value else {key: _inside(one, spec) for key, one in value.items()}
        )
    return [_inside(one, spec) for one in value] if isinstance(value, list | tuple) else value


def _check_task(estimator: Any, target: str, task: Task) -> None:
    fits = is_regressor(estimator) if task is Task.REGRESSION else is_classifier(estimator)
    if not fits:
        raise failed(
            "target does not fit the task",
            f"`{_TARGET}: {target}` is no {'regressor' if task is Task.REGRESSION else 'classifier'}, and the task is `{task}`.",
        )


def _check_probabilities(estimator: Any, target: str, task: Task) -> None:
    """Refuse a classifier that gives none; some know only after they were fitted."""
    if task is not Task.REGRESSION and not hasattr(estimator, "predict_proba"):
        raise failed(
            "target gives no probabilities",
            f"`{_TARGET}: {target}` has no predict_proba. Put it into sklearn.calibration.CalibratedClassifierCV, which makes "
            "probabilities of its scores, or choose another.",
        )


def _graph(estimator: Any, target: str, task: Task, width: int) -> onnx.ModelProto:
    """Return the estimator as a graph from `x` to its prediction."""
    options = {} if task is Task.REGRESSION else {id(estimator): {"zipmap": False}}
    try:
        made: onnx.ModelProto = skl2onnx.to_onnx(
            estimator, initial_types=[(INPUT, FloatTensorType([None, width]))], options=options,
            target_opset={"": OPSET, "ai.onnx.ml": _ML_OPSET},
        )  # fmt: skip
    except Exception as error:
        raise failed(
            "estimator cannot be exported",
            f"`{_TARGET}: {target}`: skl2onnx {skl2onnx.__version__} cannot convert it: {type(error).__name__}: {error}. "
            "Choose an estimator, or parameters, that it converts.",
        ) from error
    graph = made.graph
    given = graph.output[-1].name
    shape: list[str | int | None] = (
        ["N", graph.output[-1].type.tensor_type.shape.dim[1].dim_value] if task is Task.MULTICLASS else ["N"]
    )
    used = given
    if task is Task.BINARY:
        graph.initializer.append(numpy_helper.from_array(np.asarray(1, dtype=np.int64), "second_class"))
        graph.node.append(helper.make_node("Gather", [given, "second_class"], ["chosen"], axis=1))
        used = "chosen"
    elif task is Task.REGRESSION:
        graph.initializer.append(numpy_helper.from_array(np.asarray([-1], dtype=np.int64), "flat"))
        graph.node.append(helper.make_node("Reshape", [given, "flat"], ["chosen"]))
        used = "chosen"
    graph.node.append(helper.make_node("Cast", [used], ["predicted"], to=TensorProto.FLOAT))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("predicted", TensorProto.FLOAT, shape))
    del graph.value_info[:]
    number_names(graph, {INPUT: INPUT})
    graph.name = "estimator"
    made.ir_version = IR
    made.producer_name, made.producer_version = "mlops", ""
    return made
