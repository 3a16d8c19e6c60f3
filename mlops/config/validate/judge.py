"""Judge what was composed.

Lives here: judge, which turns a composed tree into the plain data that `project_from_json` reads, or into every problem.
Not here: composing (compose), judging the project's settings (settings) and one resource (resources).
Law: all problems at once, in the order of the files; equal trees give equal data.
"""

from __future__ import annotations

from typing import Any

from mlops.config.compose.compose import Composed, Tree
from mlops.config.compose.expand import RawResource, expand, resolve
from mlops.config.compose.provenance import Provenance
from mlops.config.schema.kinds import order_of
from mlops.config.validate.cross_checks import cross_check
from mlops.config.validate.implied import with_implied
from mlops.config.validate.references import Declared
from mlops.config.validate.resources import judge_resource
from mlops.config.validate.settings import judge_settings
from mlops.errors import FileLocation, InvalidConfig, Problem


def judge(composed: Composed) -> Tree:
    """Return {settings, resources}, as JSON. Raises InvalidConfig with every problem."""
    provenance = composed.provenance
    raws, problems = expand(composed.tree, composed.kinds, provenance)
    fields, raws, unresolved = resolve(composed.tree, raws, composed.kinds, provenance)
    if problems or unresolved:
        raise InvalidConfig(*problems, *unresolved)
    disabled = [raw for raw in raws if _is_disabled(raw.value)]
    raws = with_implied([raw for raw in raws if not _is_disabled(raw.value)], disabled)
    declared = {(raw.kind, raw.name) for raw in raws}
    settings: Tree | None = None
    try:
        settings = judge_settings(fields, composed, declared)
    except InvalidConfig as error:
        problems = list(error.problems)
    resources, more = _judge_resources(raws, settings, declared, provenance)
    problems += more
    if settings is not None and not problems:
        problems += cross_check(settings, resources)
    if problems or settings is None:
        raise InvalidConfig(*_ordered(problems))
    return {"settings": settings, "resources": resources}


def _judge_resources(
    raws: list[RawResource], settings: Tree | None, declared: Declared, provenance: Provenance
) -> tuple[Tree, list[Problem]]:
    """Return the resources that can be judged, by address, and the problems of the others."""
    resources: Tree = {}
    problems: list[Problem] = []
    for raw in sorted(raws, key=lambda raw: (order_of(raw.kind), raw.kind, raw.name)):
        try:
            resources[f"{raw.kind}.{raw.name}"] = judge_resource(raw, settings, declared, provenance)
        except InvalidConfig as error:
            problems += error.problems
    return resources, problems


def _is_disabled(value: Any) -> bool:
    return isinstance(value, dict) and value.get("enabled") is False


def _ordered(problems: list[Problem]) -> list[Problem]:
    def position(problem: Problem) -> tuple[str, int, int]:
        source = problem.source or FileLocation("")
        return source.file, source.line or 0, source.column or 0

    return sorted(dict.fromkeys(problems), key=position)
