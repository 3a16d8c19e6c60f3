"""Mix the predictions of other models.

Lives here: EnsembleFamily, and FittedEnsemble.
Not here: the members (models of the project), what it may say (config.schema.families.ensemble).
Law: the rows that it learns from are its members' predictions, made by their own graphs; the validation split alone decides
how much each counts, because the train split is what the members learned by heart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from mlops.config.schema.families.ensemble import Ensemble
from mlops.config.schema.model import Model
from mlops.metrics.task import Task
from mlops.workloads.features.encoder import EncodedColumn
from mlops.workloads.features.graph import IR, ML_OPSET, OPSET, OUTPUT
from mlops.workloads.stage import failed, write_json
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import INPUT, Encoded, Family, Fit, Fitted
from mlops.workloads.training.families.stacking import LEAST, Array, chances_of, link, stack

_FILE = "ensemble.json"


class EnsembleFamily(Family):
    def encode(self, spec: Model, data: PreparedData) -> Encoded:
        """The rows of an ensemble are what its members predict of them."""
        chosen = spec.architecture
        assert isinstance(chosen, Ensemble)
        root = data.folder.parent.parent
        graph, columns = helper.make_graph([], "features", [], []), []
        predictions: list[str] = []
        for position, member in enumerate(chosen.of):
            model, contract = _read_member(root, member, spec)
            _add_member(graph, model, f"m{position}_")
            width = max(len(contract["classes"]), 1) if spec.task is Task.MULTICLASS else 1
            columns += [EncodedColumn(member)] * width
            predictions.append(f"m{position}_row")
            shape = numpy_helper.from_array(np.asarray([-1, width], dtype=np.int64), f"m{position}_shape")
            graph.initializer.append(shape)
            of_member = f"m{position}_{model.graph.output[0].name}"
            graph.node.append(helper.make_node("Reshape", [of_member, shape.name], [predictions[-1]]))
        graph.node.append(helper.make_node("Concat", predictions, [OUTPUT], axis=1))
        graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", len(columns)]))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        whole = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="mlops")
        onnx.checker.check_model(whole)
        return Encoded(whole, columns)

    def fit(self, fit: Fit) -> Fitted:
        chosen = fit.spec.architecture
        assert isinstance(chosen, Ensemble)
        outputs = fit.width // len(chosen.of)
        weights, bias = np.full(len(chosen.of), 1 / len(chosen.of)), np.zeros(outputs)
        if chosen.how == "stacked":
            weights, bias = _stacked(_members(fit.val.x, len(chosen.of)), fit.val.y, fit.spec.task)
        is_linked = chosen.how == "stacked" and fit.spec.task is not Task.REGRESSION
        of_member = {name: round(float(weight), 6) for name, weight in zip(chosen.of, weights, strict=True)}
        return FittedEnsemble(fit.spec.task, weights, bias, is_linked=is_linked, summary={"weights": of_member})

    def load(self, folder: Path, description: Description) -> Fitted:
        content = json.loads((folder / _FILE).read_text())
        weights, bias = np.asarray(content["weights"]), np.asarray(content["bias"])
        return FittedEnsemble(description.task, weights, bias, is_linked=content["is_linked"])


class FittedEnsemble(Fitted):
    """A weighted sum of the members' predictions. `weights`: `[M]`. `bias`: `[K]`. `is_linked`: logits, or logarithms of
    chances, are what is summed."""

    def __init__(
        self, task: Task, weights: Array, bias: Array, *, is_linked: bool, summary: Mapping[str, Any] | None = None
    ) -> None:
        self._task, self._weights, self._bias, self._is_linked = task, weights, bias, is_linked
        self.summary = summary or {}

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        members = _members(x, len(self._weights))
        values = link(members, self._task) if self._is_linked else members
        summed: Array = np.einsum("nmk,m->nk", values, self._weights) + self._bias
        if self._is_linked:
            summed = chances_of(summed, self._task)
        predicted: npt.NDArray[Any] = (summed if self._task is Task.MULTICLASS else summed[:, 0]).astype(np.float32)
        return predicted

    def save(self, folder: Path) -> None:
        write_json(folder / _FILE, {
            "weights": self._weights.tolist(), "bias": self._bias.tolist(), "is_linked": self._is_linked,
        })  # fmt: skip

    def to_onnx(self, output: str) -> onnx.ModelProto:
        members, outputs = len(self._weights), len(self._bias)
        matrix = np.kron(self._weights[:, None], np.eye(outputs))
        constants = {
            "matrix": matrix,
            "bias": self._bias[None, :],
            "least": np.asarray(LEAST),
            "most": np.asarray(1 - LEAST),
        }
        steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
            ("Cast", [INPUT], "given", {"to": TensorProto.DOUBLE})
        ]
        if self._is_linked:
            steps += [("Clip", ["given", "least", "most"], "clipped", {}), ("Log", ["clipped"], "logarithm", {})]
            used = "logarithm"
            if self._task is Task.BINARY:
                constants["one"] = np.asarray(1.0)
                steps += [("Sub", ["one", "clipped"], "rest", {}), ("Log", ["rest"], "logarithm_of_rest", {}),
                          ("Sub", ["logarithm", "logarithm_of_rest"], "logit", {})]  # fmt: skip
                used = "logit"
        else:
            used = "given"
        steps += [("MatMul", [used, "matrix"], "mixed", {}), ("Add", ["mixed", "bias"], "moved", {})]
        last = "moved"
        if self._is_linked:
            last = "chance"
            steps.append(
                ("Sigmoid", ["moved"], last, {})
                if self._task is Task.BINARY
                else ("Softmax", ["moved"], last, {"axis": 1})
            )
        shape: list[str | int | None] = ["N", outputs]
        if self._task is not Task.MULTICLASS:
            constants["flat"] = np.asarray([-1], dtype=np.int64)
            steps.append(("Reshape", [last, "flat"], "row", {}))
            last, shape = "row", ["N"]
        steps.append(("Cast", [last], output, {"to": TensorProto.FLOAT}))
        nodes = [helper.make_node(op, inputs, [name], **attributes) for op, inputs, name, attributes in steps]
        graph = helper.make_graph(
            nodes, "ensemble", [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", members * outputs])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )  # fmt: skip
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)


def _read_member(root: Path, member: str, spec: Model) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """Return a member's graph and its contract. Raises MlopsError where it is not there, or predicts something else."""
    folder = root / "models" / member / "export"
    try:
        model, contract = onnx.load(folder / "model.onnx"), json.loads((folder / "contract.json").read_text())
    except OSError as error:
        raise failed(
            "no model to mix",
            f"`architecture.of` names {member}, and {folder} is not there. Make it: dvc repro export@{member}",
        ) from error
    if contract["task"] != spec.task:
        raise failed(
            "member does another task", f"model.{member} does {contract['task']}, and the ensemble {spec.task}."
        )
    return model, contract


def _add_member(graph: onnx.GraphProto, model: onnx.ModelProto, prefix: str) -> None:
    """Add a member's nodes; what it reads is read by all members once."""
    prefixed = onnx.compose.add_prefix(model, prefix, rename_inputs=False)
    known = {value.name for value in graph.input}
    graph.input.extend(value for value in prefixed.graph.input if value.name not in known)
    graph.initializer.extend(prefixed.graph.initializer)
    graph.node.extend(prefixed.graph.node)


def _members(x: npt.NDArray[Any], members: int) -> Array:
    """Return the predictions `[N, M, K]`."""
    return x.astype(np.float64).reshape(len(x), members, -1)


def _stacked(members: Array, y: npt.NDArray[Any], task: Task) -> tuple[Array, Array]:
    """Return the weights and the bias that are best on these rows."""
    if task is not Task.REGRESSION:
        return stack(link(members, task), y, task)
    center, scale = float(y.mean()), float(y.std()) or 1.0
    weights, bias = stack((members - center) / scale, (y - center) / scale, task)
    return weights, bias * scale + (1 - weights.sum()) * center
