"""Carry what a stack asks of pods to what runs in them.

Lives here: with_stack_terms, which adds it to the inputs of an endpoint or a monitor.
Not here: what may be asked (config.schema.targets), putting it on pods (targets, stacks).
Law: a change of the stack's file is a change of what runs in its pods, and the plan shows it there with its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlops.address import Address
from mlops.config.project import ProjectSpec
from mlops.context.inputs import without_fields
from mlops.engine.resource import Desired

_PODS, _PRIORITY = "pods", "priority"
STACK_TERMS = (_PODS, _PRIORITY)
"""Inputs that are the stack's, and no fields of what runs on it."""


def with_stack_terms(desired: Desired, project: ProjectSpec, stack: str, kind: str) -> Desired:
    """`kind`: of the pods, as the stack names them: serving or watching."""
    found = project.resources.get(Address("stack", stack))
    if found is None:
        return desired
    terms, origins = dict[str, Any](), dict(desired.origins)
    if asked := (found.inputs.get("pods") or {}).get(kind):
        terms[_PODS] = asked
        here = f"{_PODS}.{kind}"
        origins |= {_PODS + path[len(here) :]: at for path, at in found.origins.items() if path.startswith(here)}
    if "priorities" not in found.inputs.get("manage", ("priorities",)):
        terms[_PRIORITY] = False
        origins[_PRIORITY] = found.origin("manage") or ""
    return replace(desired, inputs={**desired.inputs, **terms}, origins=origins) if terms else desired


def is_stack_term(path: str) -> bool:
    return path.partition(".")[0] in STACK_TERMS


def without_stack_terms(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return without_fields(inputs, *STACK_TERMS)
