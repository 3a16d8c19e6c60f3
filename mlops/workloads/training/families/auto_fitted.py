"""Keep the default for tables once it has learned.

Lives here: FittedAuto, its files and its graph.
Not here: learning (auto), its parts (auto_parts).
Law: only parts that count are kept, and all of them are in one graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from mlops.metrics.task import Task
from mlops.workloads.features.graph import IR, ML_OPSET, OPSET
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.stage import write_json
from mlops.workloads.training.families.auto_parts import LinearPart, Part, logarithms_of
from mlops.workloads.training.families.family import INPUT, ExactTerms, Fitted
from mlops.workloads.training.families.stacking import chances_of
from mlops.workloads.training.families.trees.fitted import FittedTrees
from mlops.workloads.training.families.trees.graph import sum_of_trees
from mlops.workloads.training.families.trees.grow import Label
from mlops.workloads.training.families.trees.terms import tree_terms

if TYPE_CHECKING:
    from mlops.workloads.training.explanation import TrainRows

_FILE = "auto.json"
GraphStep = tuple[str, list[str], str, dict[str, Any]]


class FittedAuto(Fitted):
    """A weighted sum of linear models, of the amounts of a row, and of trees, of its codes.

    `width`: the numbers of a row. `amounts`: how many of them, from the first on, are amounts. `weights`: `[M]`. `bias`: `[K]`.
    """

    def __init__(
        self, task: Task, parts: Sequence[Part], weights: Array, bias: Array, label: Label, *, widths: tuple[int, int],
        summary: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._task, self._parts, self._weights, self._bias, self._label = task, parts, weights, bias, label
        self._amounts, self._width = widths
        self.logged = next((part.logged for part in parts if isinstance(part, FittedTrees)), ())
        self.summary = summary or {}

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        amounts, codes = x[:, : self._amounts], np.ascontiguousarray(x[:, self._amounts :])
        summed = np.zeros((len(x), len(self._bias))) + self._bias
        for part, weight in zip(self._parts, self._weights, strict=True):
            own = part.sums(amounts) if isinstance(part, LinearPart) else part.sums(codes)
            summed += weight * logarithms_of(own, self._task)
        if self._task is Task.REGRESSION:
            summed = summed * self._label.scale + self._label.center
        else:
            summed = chances_of(summed, self._task)
        predicted: npt.NDArray[Any] = (summed if self._task is Task.MULTICLASS else summed[:, 0]).astype(np.float32)
        return predicted

    def save(self, folder: Path) -> None:
        parts: list[dict[str, Any]] = []
        for place, part in enumerate(self._parts):
            if isinstance(part, LinearPart):
                parts.append({"coefficients": part.coefficients.tolist(), "intercept": part.intercept.tolist()})
            else:
                (folder / f"trees_{place}.txt").write_text(part.text)
                parts.append({"trees": f"trees_{place}.txt"})
        write_json(folder / _FILE, {
            "parts": parts, "weights": self._weights.tolist(), "bias": self._bias.tolist(),
            "center": self._label.center, "scale": self._label.scale, "amounts": self._amounts,
        })  # fmt: skip

    @classmethod
    def load(cls, folder: Path, task: Task, width: int) -> FittedAuto:
        content = json.loads((folder / _FILE).read_text())
        amounts = content["amounts"]
        parts = [
            FittedTrees((folder / part["trees"]).read_text(), task, width=width - amounts) if "trees" in part
            else LinearPart(np.asarray(part["coefficients"]), np.asarray(part["intercept"]))
            for part in content["parts"]
        ]  # fmt: skip
        weights, bias = np.asarray(content["weights"]), np.asarray(content["bias"])
        return cls(task, parts, weights, bias, Label(content["center"], content["scale"]), widths=(amounts, width))

    def exact_terms(self, rows: TrainRows) -> ExactTerms | None:
        column_of = rows.column_of()
        if column_of is None:
            return None
        unit = self._label.scale if self._task is Task.REGRESSION else 1.0
        scaled = list(zip(self._parts, self._weights * unit, strict=True))
        base = self._bias * unit + (self._label.center if self._task is Task.REGRESSION else 0.0)
        arrays: dict[str, npt.NDArray[Any]] = {}
        linear = [(part, weight) for part, weight in scaled if isinstance(part, LinearPart)]
        if linear:
            mean = rows.encoded()[:, : self._amounts].mean(axis=0, dtype=np.float64)
            weights = sum(weight * part.coefficients.T for part, weight in linear)
            base = base + weights @ mean + sum(weight * part.intercept for part, weight in linear)
            arrays |= {"weights": weights, "mean": mean, "places": np.arange(self._amounts, dtype=np.int32)}
        trees = [(part.booster, float(weight)) for part, weight in scaled if isinstance(part, FittedTrees)]
        if trees:
            terms = tree_terms(trees, column_of, first=self._amounts)
            base = base + terms.pop("base")
            arrays |= terms
        return ExactTerms({**arrays, "base": base}, column_of)

    def to_onnx(self, output: str) -> onnx.ModelProto:
        constants: dict[str, Any] = {
            "amount_places": np.arange(self._amounts, dtype=np.int64), "bias": self._bias[None, :],
            "code_places": np.arange(self._amounts, self._width, dtype=np.int64),
        }  # fmt: skip
        nodes = [
            _node(("Gather", [INPUT, "amount_places"], "amounts", {"axis": 1})),
            _node(("Gather", [INPUT, "code_places"], "codes", {"axis": 1})),
            _node(("Cast", ["amounts"], "doubles", {"to": TensorProto.DOUBLE})),
        ]
        mixed = "bias"
        for place, part in enumerate(self._parts):
            nodes += self._part_nodes(place, part, constants)
            constants[f"weight_{place}"] = np.float64(self._weights[place])
            nodes.append(_node(("Mul", [f"sums_{place}", f"weight_{place}"], f"weighted_{place}", {})))
            nodes.append(_node(("Add", [mixed, f"weighted_{place}"], f"mixed_{place}", {})))
            mixed = f"mixed_{place}"
        nodes += [_node(step) for step in self._last(mixed, constants)]
        nodes.append(_node(("Cast", ["last"], output, {"to": TensorProto.FLOAT})))
        shape: list[str | int | None] = ["N", len(self._bias)] if self._task is Task.MULTICLASS else ["N"]
        graph = helper.make_graph(
            nodes, "auto", [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", self._width])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )  # fmt: skip
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR)

    def _part_nodes(self, place: int, part: Part, constants: dict[str, Any]) -> list[onnx.NodeProto]:
        """Return the nodes up to `sums_PLACE`, and add the constants that they need."""
        raw = f"raw_{place}" if self._task is Task.MULTICLASS else f"sums_{place}"
        if isinstance(part, LinearPart):
            constants[f"coefficients_{place}"] = part.coefficients
            constants[f"intercept_{place}"] = part.intercept[None, :]
            nodes = [
                _node(("MatMul", ["doubles", f"coefficients_{place}"], f"products_{place}", {})),
                _node(("Add", [f"products_{place}", f"intercept_{place}"], raw, {})),
            ]
        else:
            trees, _ = sum_of_trees(part.booster, "codes", f"trees_{place}")
            nodes = [trees, _node(("Cast", [f"trees_{place}"], raw, {"to": TensorProto.DOUBLE}))]
        if self._task is Task.MULTICLASS:
            nodes.append(_node(("LogSoftmax", [raw], f"sums_{place}", {"axis": 1})))
        return nodes

    def _last(self, mixed: str, constants: dict[str, Any]) -> Sequence[GraphStep]:
        """Return the steps from `mixed` to `last`, and add the constants that they need."""
        if self._task is Task.MULTICLASS:
            return [("Softmax", [mixed], "last", {"axis": 1})]
        constants["flat"] = np.asarray([-1], dtype=np.int64)
        if self._task is Task.BINARY:
            return [("Sigmoid", [mixed], "chance", {}), ("Reshape", ["chance", "flat"], "last", {})]
        constants["scale"], constants["center"] = np.float64(self._label.scale), np.float64(self._label.center)
        return [("Mul", [mixed, "scale"], "scaled", {}), ("Add", ["scaled", "center"], "unscaled", {}),
                ("Reshape", ["unscaled", "flat"], "last", {})]  # fmt: skip


def _node(step: GraphStep) -> onnx.NodeProto:
    op, given, name, options = step
    return helper.make_node(op, given, [name], **options)
