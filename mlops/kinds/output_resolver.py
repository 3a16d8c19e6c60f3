"""Use what another resource gives.

Lives here: output_dependencies, and OutputResolver, a kind whose steps see `${output:ADDRESS.NAME}` filled in.
Not here: whether the address exists (spec).
Law: a reference stands unfilled in plans and records; its value is read when the step is carried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from mlops.address import Address
from mlops.engine.resource import Dependency, Desired, Effect, Kind, Observed, Outcome, Record, Step
from mlops.errors import MlopsError

_OUTPUT = re.compile(r"\$\{output:([a-z]+\.[a-z0-9-]+)\.([a-z_]+)\}")


def output_dependencies(desired: Desired, kind: Kind) -> Desired:
    """Add a dependency on every output that the inputs name."""
    fields: dict[tuple[str, str], list[str]] = {}
    for path, text in _texts(desired.inputs, ""):
        for found in _OUTPUT.finditer(text):
            fields.setdefault((found[1], found[2]), []).append(path)
    more = [
        Dependency(Address.parse(address), partial(_gravest, kind, paths), output)
        for (address, output), paths in fields.items()
    ]
    return replace(desired, depends_on=(*desired.depends_on, *more)) if more else desired


def _gravest(kind: Kind, paths: Sequence[str]) -> Effect:
    return max((kind.effect(path) for path in paths), key=lambda effect: effect.rank)


class OutputResolver:
    """Does what `kind` does."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.name, self.created, self.deleted = kind.name, kind.created, kind.deleted
        self.restored, self.mostly_waits = kind.restored, kind.mostly_waits
        self.effect, self.default, self.notes = kind.effect, kind.default, kind.notes

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        return self.kind.observe(address, desired, record)

    def create(self, step: Step) -> Outcome:
        return self.kind.create(_filled(step))

    def update(self, step: Step) -> Outcome:
        return self.kind.update(_filled(step))

    def restore(self, step: Step) -> Outcome:
        return self.kind.restore(_filled(step))

    def delete(self, step: Step) -> None:
        self.kind.delete(step)


def _filled(step: Step) -> Step:
    if step.desired is None:
        return step
    inputs = _fill(step.desired.inputs, step.upstream)
    if inputs == step.desired.inputs:
        return step
    effective = _fill(step.desired.effective, step.upstream)
    return replace(step, desired=replace(step.desired, inputs=inputs, effective=effective))


def _fill(value: Any, upstream: Mapping[Address, Mapping[str, Any]]) -> Any:
    if isinstance(value, Mapping):
        return {key: _fill(inner, upstream) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(inner, upstream) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _OUTPUT.fullmatch(value)
    return _value(whole, upstream) if whole else _OUTPUT.sub(lambda found: str(_value(found, upstream)), value)


def _value(found: re.Match[str], upstream: Mapping[Address, Mapping[str, Any]]) -> Any:
    outputs = upstream.get(Address.parse(found[1]), {})
    if found[2] not in outputs:
        there = ", ".join(sorted(outputs)) or "none"
        raise MlopsError.of("no such output", f"`{found[0]}`: {found[1]} has no output {found[2]}. There are: {there}.")
    return outputs[found[2]]


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)
    elif isinstance(value, str):
        yield path, value
