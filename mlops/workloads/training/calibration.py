"""Make probabilities honest.

Lives here: Platt, Temperature and Isotonic: fitting each on the validation split, applying it to arrays, and its ONNX operators.
Not here: where they are put in the graph (export), measuring how honest probabilities are (workloads.metrics).
Law: what `apply` gives is what the operators give; all is computed in double precision and cast once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy.optimize import minimize, minimize_scalar
from sklearn.isotonic import IsotonicRegression

from mlops.workloads.metrics.weighted import Array

_LEAST = 1e-7
_NEAREST_KNOTS = 0.002
"""Nearer knots are joined: a steeper line would make a difference of the last bit of a probability one that is seen."""
_DIGITS = 9


class Calibrator(ABC):
    """Changes probabilities: `[N]` of the second class, or `[N, K]` of each."""

    @abstractmethod
    def apply(self, predicted: Array) -> Array:
        """Return the calibrated probabilities, FLOAT, in the shape that they came in."""

    @abstractmethod
    def add_nodes(self, nodes: Operators, name: str, *, several: bool) -> str:
        """Add what `apply` does to the DOUBLE value `name`, `[N, K]`, and return the name of the result. `several`: it holds a
        column for each class, and not one alone."""


class Operators:
    """Nodes and constants of ONNX that are being collected."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"calibrated_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def constant(self, values: Array | Sequence[float], dtype: type = np.float64) -> str:
        name = f"calibration_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name


@dataclass(frozen=True)
class Platt(Calibrator):
    """A line through the log-odds of each class (Platt 1999): `slope` and `offset` `[K]`, of one column for two classes."""

    slope: tuple[float, ...]
    offset: tuple[float, ...]

    @classmethod
    def fit(cls, truth: Array, predicted: Array) -> Platt:
        lines = [_line(hit, _odds(column)) for hit, column in _columns(truth, predicted)]
        return cls(tuple(slope for slope, _ in lines), tuple(offset for _, offset in lines))

    def apply(self, predicted: Array) -> Array:
        moved = _odds(_two(predicted)) * np.asarray(self.slope) + np.asarray(self.offset)
        return _shaped(1 / (1 + np.exp(-moved)), predicted)

    def add_nodes(self, nodes: Operators, name: str, *, several: bool) -> str:
        scaled = nodes.add("Mul", _odds_nodes(nodes, name), nodes.constant(self.slope))
        moved = nodes.add("Add", scaled, nodes.constant(self.offset))
        return _normal_nodes(nodes, nodes.add("Sigmoid", moved), len(self.slope))


@dataclass(frozen=True)
class Temperature(Calibrator):
    """Log-odds, or logarithms of probabilities, divided by one number (Guo 2017)."""

    temperature: float

    @classmethod
    def fit(cls, truth: Array, predicted: Array) -> Temperature:
        places = truth.astype(np.int64)

        def loss(logarithm: float) -> float:
            likely = cls(float(np.exp(logarithm))).apply(predicted).astype(np.float64)
            hit = (
                np.where(places == 1, likely, 1 - likely)
                if likely.ndim == 1
                else likely[np.arange(len(places)), places]
            )
            return float(-np.log(np.clip(hit, _LEAST, 1)).mean())

        found = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-6})
        return cls(round(float(np.exp(found.x)), 6))

    def apply(self, predicted: Array) -> Array:
        if predicted.ndim == 1:
            return _shaped(1 / (1 + np.exp(-_odds(_two(predicted)) / self.temperature)), predicted)
        logarithms = np.log(np.clip(predicted.astype(np.float64), _LEAST, 1)) / self.temperature
        powers = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
        return _shaped(powers, predicted)

    def add_nodes(self, nodes: Operators, name: str, *, several: bool) -> str:
        divisor = nodes.constant([self.temperature])
        if not several:
            return nodes.add("Sigmoid", nodes.add("Div", _odds_nodes(nodes, name), divisor))
        least, most = nodes.constant(np.asarray(_LEAST)), nodes.constant(np.asarray(1.0))
        logarithms = nodes.add("Log", nodes.add("Clip", name, least, most))
        return nodes.add("Softmax", nodes.add("Div", logarithms, divisor), axis=1)


@dataclass(frozen=True)
class Isotonic(Calibrator):
    """Lines between the centres of the steps of an isotonic regression (Oron and Flournoy 2017), so that no order is lost.
    `knots`: for each class, x and y of each centre."""

    knots: tuple[tuple[tuple[float, float], ...], ...]

    @classmethod
    def fit(cls, truth: Array, predicted: Array) -> Isotonic:
        return cls(tuple(_centres(hit, column.astype(np.float64)) for hit, column in _columns(truth, predicted)))

    def apply(self, predicted: Array) -> Array:
        each = _two(predicted).astype(np.float64)
        parts = [
            np.interp(each[:, place], [x for x, _ in knots], [y for _, y in knots])
            for place, knots in enumerate(self.knots)
        ]
        return _shaped(np.stack(parts, axis=1), predicted)

    def add_nodes(self, nodes: Operators, name: str, *, several: bool) -> str:
        parts = []
        for place, knots in enumerate(self.knots):
            x, y = np.asarray(knots).T
            column = nodes.add("Gather", name, nodes.constant([place], np.int64), axis=1)
            past = nodes.add("Sub", column, nodes.constant(x[None, :-1]))
            from_start = nodes.add("Max", past, nodes.constant([0.0]))
            inside = nodes.add("Min", from_start, nodes.constant(np.diff(x)[None]))
            slopes = nodes.constant((np.diff(y) / np.diff(x))[:, None])
            parts.append(nodes.add("Add", nodes.add("MatMul", inside, slopes), nodes.constant([float(y[0])])))
        joined = nodes.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
        return _normal_nodes(nodes, joined, len(self.knots))


CALIBRATORS: Mapping[str, type[Platt] | type[Temperature] | type[Isotonic]] = {
    "platt": Platt, "temperature": Temperature, "isotonic": Isotonic,
}  # fmt: skip


def calibrated(model: onnx.ModelProto, calibrator: Calibrator, *, several: bool) -> onnx.ModelProto:
    """Return the graph with the calibrator behind its output, which keeps its name."""
    name = model.graph.output[0].name
    raw = f"{name}_raw"
    for node in model.graph.node:
        node.output[:] = [raw if output == name else output for output in node.output]
        node.input[:] = [raw if read == name else read for read in node.input]
    nodes = Operators()
    exact = nodes.add("Cast", raw, to=TensorProto.DOUBLE)
    if several:
        result = calibrator.add_nodes(nodes, exact, several=True)
    else:
        axis = nodes.constant([1], np.int64)
        flat = calibrator.add_nodes(nodes, nodes.add("Unsqueeze", exact, axis), several=False)
        result = nodes.add("Squeeze", flat, axis)
    nodes.add("Cast", result, out=name, to=TensorProto.FLOAT)
    model.graph.node.extend(nodes.nodes)
    model.graph.initializer.extend(nodes.constants)
    return model


def _two(predicted: Array) -> Array:
    return predicted[:, None] if predicted.ndim == 1 else predicted


def _columns(truth: Array, predicted: Array) -> list[tuple[Array, Array]]:
    """Return, for each column of probabilities, which rows are of its class, and the column."""
    if predicted.ndim == 1:
        return [(truth == 1, predicted)]
    return [(truth == place, predicted[:, place]) for place in range(predicted.shape[1])]


def _shaped(calibrated_values: Array, predicted: Array) -> Array:
    if predicted.ndim == 1:
        return np.asarray(calibrated_values[:, 0], dtype=np.float32)
    sums = np.maximum(calibrated_values, _LEAST)
    return np.asarray(sums / sums.sum(axis=1, keepdims=True), dtype=np.float32)


def _odds(predicted: Array) -> Array:
    likely = np.clip(predicted.astype(np.float64), _LEAST, 1 - _LEAST)
    odds: Array = np.log(likely / (1 - likely))
    return odds


def _line(hit: Array, odds: Array) -> tuple[float, float]:
    """Fit slope and offset by the smoothed targets of Platt, so that classes that are told apart wholly end too."""
    positive, rows = float(hit.sum()), len(hit)
    target = np.where(hit, (positive + 1) / (positive + 2), 1 / (rows - positive + 2))

    def loss(line: Array) -> tuple[float, Array]:
        moved = line[0] * odds + line[1]
        gap = 1 / (1 + np.exp(-moved)) - target
        value = np.logaddexp(0, moved) - target * moved
        return float(value.mean()), np.array([(gap * odds).mean(), gap.mean()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-9})
    return round(float(found.x[0]), _DIGITS), round(float(found.x[1]), _DIGITS)


def _centres(hit: Array, column: Array) -> tuple[tuple[float, float], ...]:
    """Return the centre of each step; of steps that lie near each other, the one centre of both."""
    fitted = IsotonicRegression(out_of_bounds="clip").fit(column, hit.astype(np.float64)).predict(column)
    heights, step = np.unique(fitted, return_inverse=True)
    rows = np.bincount(step).astype(np.float64)
    centres = np.bincount(step, column) / rows
    joined: list[list[float]] = []
    for x, y, count in zip(centres, heights, rows, strict=True):
        if joined and x - joined[-1][0] < _NEAREST_KNOTS:
            last = joined[-1]
            both = last[2] + count
            joined[-1] = [(last[0] * last[2] + x * count) / both, (last[1] * last[2] + y * count) / both, both]
        else:
            joined.append([float(x), float(y), float(count)])
    knots = [(round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y, _ in joined]
    return tuple(knots) if len(knots) > 1 else ((knots[0][0], knots[0][1]), (knots[0][0] + 1.0, knots[0][1]))


def _odds_nodes(nodes: Operators, name: str) -> str:
    least, most = nodes.constant(np.asarray(_LEAST)), nodes.constant(np.asarray(1 - _LEAST))
    likely = nodes.add("Clip", name, least, most)
    return nodes.add("Log", nodes.add("Div", likely, nodes.add("Sub", nodes.constant([1.0]), likely)))


def _normal_nodes(nodes: Operators, name: str, columns: int) -> str:
    """Bring several columns to a sum of 1."""
    if columns == 1:
        return name
    least = nodes.add("Max", name, nodes.constant([_LEAST]))
    axis = nodes.constant([1], np.int64)
    return nodes.add("Div", least, nodes.add("ReduceSum", least, axis, keepdims=1))
