"""Read what Pulumi says of each object.

Lives here: PreviewedObject, an object that a preview would change; previewed_object and step_text, which read one step of the engine.
Not here: running a preview or an update (pulumi).
Law: reads the events of the Automation API and nothing else; a step that changes nothing is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_NOISE = ("pulumi:pulumi:Stack", "pulumi:providers:")
_LABELS = "metadata.labels.app.kubernetes.io/"
"""Labels follow from other fields, so a difference in them alone says nothing more."""


@dataclass(frozen=True)
class PreviewedObject:
    """An object that a preview would create, update, replace or delete. `fields`: path, before, after."""

    name: str
    action: str
    fields: tuple[tuple[str, Any, Any], ...] = ()


def step_of(event: Any) -> Any:
    """Return the step that an event announces; None for other events and for what is no object, such as a provider."""
    step = event.resource_pre_event.metadata if event.resource_pre_event else None
    return None if step is None or step.type.startswith(_NOISE) else step


def step_text(step: Any) -> str | None:
    """Return what the step does, on one line; None where it does nothing."""
    return None if _op(step) == "same" else f"{_op(step)} {_name(step)}"


def previewed_object(step: Any) -> PreviewedObject | None:
    """Return the object that the step would change; None where it changes nothing."""
    action = {
        "create": "create", "update": "update", "delete": "delete", "replace": "replace", "create-replacement": "replace",
        "import": "adopt",
    }.get(_op(step))  # fmt: skip
    if action is None:
        return None
    old, new = (step.old.inputs if step.old else {}) or {}, (step.new.inputs if step.new else {}) or {}
    return PreviewedObject(
        _name(step), action, tuple(_fields(old, new, step)) if action in ("update", "replace") else ()
    )


def _op(step: Any) -> str:
    return str(getattr(step.op, "value", step.op))


def _name(step: Any) -> str:
    kind = step.type.rpartition(":")[2]
    state = step.new or step.old
    inputs = (state.inputs if state else None) or {}
    name = (inputs.get("metadata") or {}).get("name") or step.urn.rpartition("::")[2]
    return f"{kind} {name}"


def _fields(old: Mapping[str, Any], new: Mapping[str, Any], step: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the paths at which the inputs differ; where only the world does, the paths that the provider names."""
    found = list(_differences("", old, new))
    telling = [one for one in found if not one[0].startswith(_LABELS)]
    yield from telling or found
    if not found:
        outputs = (step.old.outputs if step.old else {}) or {}
        for path in step.detailed_diff or {}:
            yield path, _at(outputs, path), _at(new, path)


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            if not str(key).startswith("__"):
                yield from _differences(f"{path}.{key}" if path else str(key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{path}[{index}]", *pair)
    else:
        yield path, old, new


def _at(value: Any, path: str) -> Any:
    for part in re.findall(r'[^.\[\]"]+', path):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
    return value
