"""Judge one resource.

Lives here: judge_resource, which turns the composed fields of a resource into the JSON of LoadedResource.
Not here: the project's settings (settings), checks across resources (cross_checks), the wording of an error
(error_messages).
Law: every problem of a resource is found at once, and nothing that it names is imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from mlops.config.compose.compose import Tree
from mlops.config.compose.expand import RawResource
from mlops.config.compose.provenance import Provenance
from mlops.config.effective import effective_json
from mlops.config.schema.kinds import model_of, noun_of
from mlops.config.schema.model_reference import split_reference
from mlops.config.schema.sources.source import SourceSpec
from mlops.config.validate.error_messages import ErrorFormatter
from mlops.config.validate.implied import unsaid_references
from mlops.config.validate.references import Declared, missing_resource, output_problems
from mlops.config.validate.walk import dotted, leaves_below, paths_below
from mlops.errors import InvalidConfig, Problem

_NAME_CODE = ("architecture", "metrics")
"""Fields of a model below which a `_target_` names code."""
_NOT_INPUTS = ("protect", "enabled")


def judge_resource(raw: RawResource, settings: Tree | None, declared: Declared, provenance: Provenance) -> Tree:
    """Return {inputs, effective, origins, references, protect}. `settings`: None where they have problems of their own, so
    that what depends on them cannot be judged. Raises InvalidConfig with all problems of the resource."""
    noun = noun_of(raw.kind)
    errors = ErrorFormatter(raw.kind, f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}", f"{raw.kind}.{raw.name}", raw.value, raw.paths, provenance,
                            {field: _choice(kind, declared) for field, kind, _ in unsaid_references(raw.kind)})  # fmt: skip
    if not isinstance(raw.value, dict):
        detail = f"A {noun} is `field: value`, one a line; this is something else."
        raise InvalidConfig(errors.problem("not a mapping", detail, ()))
    problems = list(_check_targets(raw, settings["allow_targets"], errors)) if settings is not None else []
    try:
        model = model_of(raw.kind).model_validate_json(json.dumps(raw.value), strict=True)
    except ValidationError as error:
        raise InvalidConfig(*problems, *errors.problems(error)) from error
    inputs = model.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    references = list(_references(model))
    for path, kind, name in references:
        if (kind, name) not in declared:
            said = dotted(path)
            why = f"{errors.address} leaves `{said}` out, which then" if path[0] in raw.implied else f"`{said}: {name}`"
            problems.append(missing_resource(path, name, kind=kind, declared=declared, errors=errors, subject=why))
        elif (kind, name) == (raw.kind, raw.name):
            detail = f"{kind}.{name} reads itself, so it could never be made. Name another {noun}."
            problems.append(errors.problem("cycle", detail, path))
    problems += output_problems(inputs, declared, errors)
    if problems:
        raise InvalidConfig(*problems)
    protect = inputs.get("protect")
    by_default = settings is not None and raw.kind in settings["protect"]
    inputs = _without_common(inputs)
    return {
        "inputs": inputs,
        "effective": _without_common(effective_json(model)),
        "origins": _origins(inputs, raw, provenance),
        "references": [(dotted(path), f"{kind}.{name}") for path, kind, name in references],
        "protect": by_default if protect is None else protect,
    }


def _choice(kind: str, declared: Declared) -> str:
    """Say what to write where a reference to the only resource of a kind is left out, and there is not one alone."""
    names = sorted(name for other, name in declared if other == kind)
    if not names:
        return f"There is no {kind}: write conf/{kind}/NAME.yaml; the only one need not be named."
    return f"There are {len(names)}: {', '.join(names[:8])}. Say which."


def _without_common(inputs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if key not in _NOT_INPUTS}


def _references(model: BaseModel) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield path, kind and name of every resource that a field names, or a part of the resource, or a source in a field."""
    for field, info in type(model).model_fields.items():
        marks = info.json_schema_extra
        kind = marks.get("x-refers") if isinstance(marks, dict) else None
        value = getattr(model, field)
        if kind is not None and isinstance(value, tuple):
            yield from (((field, position), str(kind), name) for position, name in enumerate(value))
        elif kind is not None and value is not None:
            yield (field,), str(kind), split_reference(value)[0]
        by_address = str(marks.get("x-refers-by-address", "")) if isinstance(marks, dict) else ""
        if by_address and isinstance(value, str) and value.startswith(f"{by_address}."):
            yield (field,), by_address, value.removeprefix(f"{by_address}.")
        if isinstance(value, BaseModel):
            yield from (((field, *path), named, name) for path, named, name in _references(value))
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        for name, source in parts:
            found = source.reference() if isinstance(source, SourceSpec) else None
            if found is not None:
                yield (field, *([name] if name else []), "uri"), *found


def _origins(inputs: dict[str, Any], raw: RawResource, provenance: Provenance) -> dict[str, str]:
    origins: dict[str, str] = {}
    for path in paths_below(inputs):
        found = provenance.exact(raw.paths(path)) or provenance.find(raw.paths(path)[0])
        if found:
            origins[dotted(path)] = str(found)
    return origins


def _check_targets(raw: RawResource, allowed: tuple[str, ...], errors: ErrorFormatter) -> Iterator[Problem]:
    """Yield a problem for every `_target_` of a model that no module of `allowed` contains."""
    for path, value in leaves_below(raw.value):
        if path[-1] != "_target_" or raw.kind != "model" or path[0] not in _NAME_CODE:
            continue
        text = str(value)
        if not any(text.startswith(f"{module}.") for module in allowed):
            there = ", ".join(allowed) or "none"
            yield errors.problem(
                "target not allowed",
                f"`_target_` names code to run, and `{text}` is in none of the modules that `allow_targets` in "
                f"conf/project.yaml lists ({there}). Nothing was imported. Add its module there if you trust it.",
                path,
            )
