"""Put values that were searched for in their places.

Lives here: resolve_space, samples_of, with_values.
Not here: the space (tuning), choosing (workloads.tuning).
Law: a section or field that the chosen family does not read is left out, so that one space serves several families.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlops.config.schema.families.family import SECTIONS, family_spec
from mlops.config.schema.tuning import Dimension, Tune, dimension_of

Pick = Callable[[Dimension], Any]


def resolve_space(space: Mapping[str, Any], pick: Pick) -> dict[str, Any]:
    """Return field -> value. `pick`: gives the value of a dimension, or the number of a branch; it is asked for those alone that
    the branches so far lead to, in the order of the space."""
    return {path: _resolved(path, value, pick) for path, value in space.items()}


def _resolved(path: str, value: Any, pick: Pick) -> Any:
    found = dimension_of(path, value)
    if found is not None:
        return pick(found)
    if isinstance(value, list):
        branch = pick(Dimension(path, "choice", tuple(range(len(value)))))
        return _resolved(f"{path}={branch}", value[branch], pick)
    if isinstance(value, Mapping):
        return {name: _resolved(f"{path}.{name}", part, pick) for name, part in value.items()}
    return value


def samples_of(tune: Tune) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield values that show whether a space is sound: every choice and both ends of each dimension once, with the field of the
    space that it stands in."""
    for one in tune.dimensions:
        for end in one.ends:

            def pick(other: Dimension, one: Dimension = one, end: Any = end) -> Any:
                if other.path == one.path:
                    return end
                return _towards(other, one.path) if other.kind == "choice" else other.values[0]

            field = one.path.partition("=")[0]
            yield (
                next(path for path in tune.space if field == path or field.startswith(f"{path}.")),
                resolve_space(tune.space, pick),
            )


def _towards(other: Dimension, path: str) -> Any:
    """Return the choice that leads to a dimension, where one does; else the first."""
    if not path.startswith(f"{other.path}="):
        return other.values[0]
    return int(path.removeprefix(f"{other.path}=").partition(".")[0].partition("=")[0])


def with_values(inputs: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's inputs with the chosen values in their places. Raises MlopsError for a family that nobody brings."""
    made: dict[str, Any] = copy.deepcopy(dict(inputs))
    for path, value in chosen.items():
        *sections, name = path.split(".")
        there = made
        for section in sections:
            if not isinstance(there.get(section), dict):
                there[section] = {}
            there = there[section]
        there[name] = copy.deepcopy(value)
    return _read(made) if "architecture" in chosen else made


def _read(inputs: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the family does not read."""
    architecture = inputs["architecture"]
    reads = (
        family_spec(architecture["name"]).reads if isinstance(architecture, Mapping) and "name" in architecture else ()
    )
    for section in SECTIONS:
        if section in reads or not isinstance(inputs.get(section), Mapping):
            continue
        kept = {name: value for name, value in inputs[section].items() if f"{section}.{name}" in reads}
        inputs.pop(section)
        if kept:
            inputs[section] = kept
    return inputs
