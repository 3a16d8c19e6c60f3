"""Judge what was composed.

Lives here: judge, which turns a composed tree into the plain data that `project_from_json` reads, or into every problem.
Not here: composing (compose), the wording of a field's error (complaint).
Law: all problems at once; equal trees give equal data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from mlops.address import Address
from mlops.config.compose.compose import Composed
from mlops.config.compose.expand import RawResource, expand, resolve
from mlops.config.compose.provenance import Path, Provenance
from mlops.config.compose.yaml_source import near
from mlops.config.effective import effective_json
from mlops.config.project import ProjectSettings
from mlops.config.schema.kinds import model_of, noun_of, order_of
from mlops.config.schema.project_file import ProjectFile
from mlops.config.validate.cross_checks import cross_check
from mlops.config.validate.error_messages import ErrorFormatter
from mlops.errors import InvalidConfig, Problem, Source

Tree = dict[str, Any]
PROTECTED_IN_PROD = ("dataset", "model", "endpoint")
_OUTPUT = re.compile(r"\$\{output:([a-z]+\.[a-z0-9-]+)\.([a-z_]+)\}")


def judge(composed: Composed) -> Tree:
    """Raises InvalidConfig."""
    provenance = composed.provenance
    raws, problems = expand(composed.tree, composed.kinds, provenance)
    own, raws, more = resolve(composed.tree, raws, composed.kinds, provenance)
    if problems or more:
        raise InvalidConfig(*problems, *more)
    known = {(raw.kind, raw.name) for raw in raws if not _is_out(raw.value)}
    try:
        settings = _settings(own, composed, known)
    except InvalidConfig as error:
        settings, problems = None, list(error.problems)
    resources: Tree = {}
    for raw in sorted(raws, key=lambda raw: (order_of(raw.kind), raw.kind, raw.name)):
        if _is_out(raw.value):
            continue
        try:
            resources[f"{raw.kind}.{raw.name}"] = _resource(raw, settings, known, provenance)
        except InvalidConfig as error:
            problems += error.problems
    if settings is not None and not problems:
        problems += cross_check(settings, resources)
    if problems or settings is None:
        raise InvalidConfig(*_ordered(problems))
    return {"settings": settings, "resources": resources}


def _is_out(value: Any) -> bool:
    return isinstance(value, dict) and value.get("enabled") is False


def _ordered(problems: list[Problem]) -> list[Problem]:
    def place(problem: Problem) -> tuple[str, int, int]:
        source = problem.source or Source("")
        return source.file, source.line or 0, source.column or 0

    return sorted(dict.fromkeys(problems), key=place)


def _settings(own: Tree, composed: Composed, known: set[tuple[str, str]]) -> Tree:
    provenance = composed.provenance
    teller = ErrorFormatter("project", "the project", None, own, lambda path: (path,), provenance)
    try:
        told = ProjectFile.model_validate_json(json.dumps(own), strict=True)
    except ValidationError as error:
        raise InvalidConfig(*teller.problems(error)) from error
    env = composed.environment
    problems: list[Problem] = []
    if env != "dev" and told.state.url is None:
        problems.append(
            Problem(
                "environment without shared state",
                f"Environment {env} has no `state.url`, and only dev may keep its state on one machine: another machine "
                f"would not see what was applied. Say `state: {{url: postgresql+psycopg://…}}` in conf/env/{env}.yaml.",
                source=Source(f"conf/env/{env}.yaml"),
            )
        )
    training = told.training
    if training.stack and ("stack", training.stack) not in known:
        problems.append(_dangling(("training", "stack"), training.stack, "stack", teller, known))
    problems += _memory(told, teller, known)
    if problems:
        raise InvalidConfig(*problems)
    default = PROTECTED_IN_PROD if env == "prod" else ()
    settings = ProjectSettings(
        name=told.name,
        environment=env,
        allow_targets=told.allow_targets,
        state_url=told.state.url,
        build=env == "dev" if told.build is None else told.build,
        protect=default if told.protect is None else told.protect,
        training=effective_json(training),
        concurrency=told.concurrency,
        stages=training.stages,
        description=told.description,
        moved=told.moved,
        removed=told.removed,
        pulumi=effective_json(told.pulumi),
        registry=effective_json(told.registry) if told.registry else None,
    )
    origins = {_dotted(path): str(found) for path in _paths(own, ()) if (found := provenance.find(path))}
    return {**vars(settings), "origins": origins}


def _memory(told: ProjectFile, teller: ErrorFormatter, known: set[tuple[str, str]]) -> Iterator[Problem]:
    """What `moved` and `removed` say that the resources contradict."""
    declared = {f"{kind}.{name}" for kind, name in known}
    for old, new in told.moved.items():
        if old in declared:
            detail = f"`{old}` is still declared, so it did not move. Take its file away, or this line."
            yield teller.problem("moved and still there", detail, ("moved", old), key=True)
        if new not in declared:
            detail = (
                f"`{new}` is not declared, so nothing can have moved there. Write its file, or correct the address."
            )
            yield teller.problem("no such resource", detail, ("moved", old), hint=near(new, sorted(declared)))
        if old.partition(".")[0] != new.partition(".")[0]:
            yield teller.problem("moved to another kind", f"`{old}` cannot become `{new}`.", ("moved", old))
    if len(set(told.moved.values())) < len(told.moved):
        yield teller.problem("moved twice", "Two resources cannot move to one address.", ("moved",))
    for position, at in enumerate(told.removed):
        if at in declared:
            detail = f"`{at}` is still declared. Take its file away to have it forgotten, or this line to keep it."
            yield teller.problem("removed and still there", detail, ("removed", position))


def _resource(raw: RawResource, settings: Tree | None, known: set[tuple[str, str]], provenance: Provenance) -> Tree:
    address = f"{raw.kind}.{raw.name}"
    cls = model_of(raw.kind)
    noun = noun_of(raw.kind)
    teller = ErrorFormatter(raw.kind, f"a {noun}", address, raw.value, raw.paths, provenance)
    if not isinstance(raw.value, dict):
        detail = f"A {noun} is `field: value`, one a line; this is something else."
        raise InvalidConfig(teller.problem("not a mapping", detail, ()))
    problems = list(_targets(raw, settings, teller)) if settings is not None else []
    try:
        told = cls.model_validate_json(json.dumps(raw.value), strict=True)
    except ValidationError as error:
        raise InvalidConfig(*problems, *teller.problems(error)) from error
    inputs = told.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    references: list[tuple[str, str]] = []
    for name, field in cls.model_fields.items():
        extra = field.json_schema_extra
        kind = extra.get("x-refers") if isinstance(extra, dict) else None
        named = getattr(told, name)
        if kind is None or named is None:
            continue
        references.append((name, f"{kind}.{named}"))
        if (kind, named) not in known:
            problems.append(_dangling((name,), named, str(kind), teller, known))
    problems += _outputs(inputs, teller, known)
    if problems:
        raise InvalidConfig(*problems)
    protect = inputs.pop("protect", None)
    inputs.pop("enabled", None)
    effective = {key: value for key, value in effective_json(told).items() if key not in ("protect", "enabled")}
    origins = {}
    for path in _paths(inputs, ()):
        found = provenance.exact(raw.paths(path)) or provenance.find(raw.paths(path)[0])
        if found:
            origins[_dotted(path)] = str(found)
    default = settings is not None and raw.kind in settings["protect"]
    return {
        "inputs": inputs,
        "effective": effective,
        "origins": origins,
        "references": references,
        "protect": default if protect is None else protect,
    }


def _dangling(path: Path, named: str, kind: str, teller: ErrorFormatter, known: set[tuple[str, str]]) -> Problem:
    detail = f"`{path[-1]}: {named}` names {kind}.{named}, which conf/{kind}/ does not define."
    names = sorted(name for of, name in known if of == kind)
    hint = near(named, names)
    if hint is None:
        there = f"There are: {', '.join(names[:8])}" if names else f"There is no {kind} at all"
        detail += f" {there}; write conf/{kind}/{named}.yaml, or name another."
    return teller.problem("no such resource", detail, path, hint=hint)


def _targets(raw: RawResource, settings: Tree, teller: ErrorFormatter) -> Iterator[Problem]:
    allowed = settings["allow_targets"]
    for path, value in _leaves(raw.value, ()):
        if path[-1] != "_target_" or raw.kind != "model" or path[0] != "architecture":
            continue
        text = str(value)
        if not any(text.startswith(f"{module}.") for module in allowed):
            there = ", ".join(allowed) or "none"
            yield teller.problem(
                "target not allowed",
                f"`_target_` names code to run, and `{text}` is in none of the modules that `allow_targets` in "
                f"conf/project.yaml lists ({there}). Nothing was imported. Add its module there if you trust it.",
                path,
            )


def _outputs(inputs: Tree, teller: ErrorFormatter, known: set[tuple[str, str]]) -> Iterator[Problem]:
    for path, value in _leaves(inputs, ()):
        for found in _OUTPUT.finditer(value) if isinstance(value, str) else ():
            address = Address.parse(found[1])
            if (address.kind, address.name) not in known:
                names = [f"{kind}.{name}" for kind, name in sorted(known)]
                detail = f"`{found[0]}` is an output of {address}, which conf/ does not define."
                yield teller.problem("no such resource", detail, path, hint=near(str(address), names))


def _paths(value: Any, path: Path) -> Iterator[Path]:
    """Every path below `value`, mappings and list items too."""
    if path:
        yield path
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in items:
        yield from _paths(inner, (*path, part))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path, value
        return
    for part, inner in items:
        yield from _leaves(inner, (*path, part))


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
