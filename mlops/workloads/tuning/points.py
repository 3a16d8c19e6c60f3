"""Turn a space into what Optuna chooses from, and back.

Lives here: distribution_of and value_of of one dimension; point_of, the choices that lead to values; combinations_of, all of a grid.
Not here: the space (config.schema.tuning), choosing (study).
Law: a point names the dimensions alone that its branches lead to.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from mlops.config.schema.searched import resolve_space
from mlops.config.schema.tuning import Dimension, Tune, dimension_of

Point = dict[str, Any]
"""Path of a dimension -> what Optuna chose: a number, or the place of a choice."""


def distribution_of(dimension: Dimension) -> BaseDistribution:
    """Choices may be lists, which Optuna does not know, so that it chooses their places."""
    values = dimension.values
    match dimension.kind:
        case "choice":
            return CategoricalDistribution(list(range(len(values))))
        case "range":
            return FloatDistribution(float(values[0]), float(values[1]))
        case "log":
            return FloatDistribution(float(values[0]), float(values[1]), log=True)
        case "int":
            return IntDistribution(int(values[0]), int(values[1]))
        case "log_int":
            return IntDistribution(int(values[0]), int(values[1]), log=True)
    if all(isinstance(one, int) for one in values):
        return IntDistribution(values[0], values[1], step=values[2])
    return FloatDistribution(float(values[0]), float(values[1]), step=float(values[2]))


def value_of(dimension: Dimension, suggested: Any) -> Any:
    """Return the value of the field. Steps of a number add up to what is no round number, so that they are rounded."""
    if dimension.kind == "choice":
        return dimension.values[suggested]
    return float(f"{suggested:.12g}") if dimension.kind == "step" and isinstance(suggested, float) else suggested


def point_of(tune: Tune, chosen: Mapping[str, Any]) -> Point | None:
    """Return the point that gives these values; None where the space has no such point."""
    point: Point = {}
    if set(chosen) != set(tune.space):
        return None
    return point if all(_found(path, part, chosen[path], point) for path, part in tune.space.items()) else None


def _found(path: str, part: Any, value: Any, point: Point) -> bool:
    """Write the choices of one part of the space into the point, and say whether it can have this value."""
    dimension = dimension_of(path, part)
    if dimension is not None:
        suggested = _place(dimension, value)
        if suggested is None:
            return False
        point[path] = suggested
        return True
    if isinstance(part, list):
        for place, branch in enumerate(part):
            below: Point = {}
            if _found(f"{path}={place}", branch, value, below):
                point[path] = place
                point.update(below)
                return True
        return False
    if isinstance(part, Mapping):
        return (
            isinstance(value, Mapping)
            and set(value) == set(part)
            and all(_found(f"{path}.{name}", inner, value[name], point) for name, inner in part.items())
        )
    return bool(part == value)


def _place(dimension: Dimension, value: Any) -> Any:
    if dimension.kind == "choice":
        return next((place for place, choice in enumerate(dimension.values) if choice == value), None)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    distribution = distribution_of(dimension)
    if isinstance(distribution, IntDistribution):
        return int(value) if value == int(value) and distribution._contains(int(value)) else None
    return float(value) if distribution._contains(float(value)) else None


def combinations_of(tune: Tune) -> list[Point]:
    """Return every combination of a grid, in the order of the space; of a branch that is not taken, nothing is combined."""
    return _combinations(tune.model_dump_json())


@lru_cache(maxsize=4)
def _combinations(asked: str) -> list[Point]:
    tune = Tune.model_validate_json(asked)
    steps = {one.path: _steps(one) for one in tune.dimensions}
    points: dict[tuple[tuple[str, Any], ...], Point] = {}
    for combination in itertools.product(*steps.values()):
        whole = dict(zip(steps, combination, strict=True))
        point: Point = {}

        def pick(one: Dimension, whole: Point = whole, point: Point = point) -> Any:
            point[one.path] = whole[one.path]
            return value_of(one, whole[one.path])

        resolve_space(tune.space, pick)
        points.setdefault(tuple(point.items()), point)
    return list(points.values())


def _steps(dimension: Dimension) -> list[Any]:
    match dimension.kind:
        case "choice":
            return list(range(len(dimension.values)))
        case "int":
            return list(range(int(dimension.values[0]), int(dimension.values[1]) + 1))
    low, high, step = dimension.values
    count = math.floor((high - low) / step + 1e-9)
    return [low + index * step for index in range(count + 1)]
