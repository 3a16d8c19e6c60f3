"""Judge what is said of the project as a whole.

Lives here: judge_settings, which turns the project's own fields into the JSON of ProjectSettings.
Not here: resources (resources), the fields themselves (schema.project_file).
Law: an environment that others share keeps its state where they see it; `moved` and `removed` contradict no resource.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from mlops.config.compose.compose import Composed, Tree
from mlops.config.effective import effective_json
from mlops.config.project import ProjectSettings
from mlops.config.schema.project_file import ProjectFile
from mlops.config.validate.error_messages import ErrorFormatter
from mlops.config.validate.references import Declared, missing_resource
from mlops.config.validate.walk import dotted, paths_below
from mlops.errors import FileLocation, InvalidConfig, Problem, near

PROTECTED_IN_PROD = ("dataset", "model", "endpoint")


def judge_settings(fields: Tree, composed: Composed, declared: Declared) -> dict[str, Any]:
    """Return the JSON of ProjectSettings. `fields`: the project's own, resolved. Raises InvalidConfig with all problems."""
    provenance = composed.provenance
    errors = ErrorFormatter("project", "the project", None, fields, lambda path: (path,), provenance)
    try:
        project_file = ProjectFile.model_validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        raise InvalidConfig(*errors.problems(error)) from error
    problems = [
        *_check_state(project_file, composed.environment),
        *_check_training(project_file, declared, errors),
        *_check_renames(project_file, declared, errors),
        *_check_silences(project_file, declared, errors),
    ]
    if problems:
        raise InvalidConfig(*problems)
    origins = {dotted(path): str(found) for path in paths_below(fields) if (found := provenance.find(path))}
    return {**vars(_settings_of(project_file, composed.environment)), "origins": origins}


def _settings_of(project_file: ProjectFile, environment: str) -> ProjectSettings:
    protect = PROTECTED_IN_PROD if environment == "prod" else ()
    return ProjectSettings(
        name=project_file.name,
        environment=environment,
        allow_targets=project_file.allow_targets,
        state_url=project_file.state.url,
        build=environment == "dev" if project_file.build is None else project_file.build,
        protect=protect if project_file.protect is None else project_file.protect,
        training=effective_json(project_file.training),
        concurrency=project_file.concurrency,
        stages=project_file.training.stages,
        description=project_file.description,
        moved=project_file.moved,
        removed=project_file.removed,
        pulumi=effective_json(project_file.pulumi),
        registry=effective_json(project_file.registry) if project_file.registry else None,
        storage=effective_json(project_file.storage) if project_file.storage else None,
        alerts=effective_json(project_file.alerts) if project_file.alerts else None,
        watch=effective_json(project_file.watch) if project_file.watch else None,
    )


def _check_state(project_file: ProjectFile, environment: str) -> Iterator[Problem]:
    if environment != "dev" and project_file.state.url is None:
        path = f"conf/env/{environment}.yaml"
        yield Problem(
            "environment without shared state",
            f"Environment {environment} has no `state.url`, and only dev may keep its state on one machine: another machine "
            f"would not see what was applied. Say `state: {{url: postgresql+psycopg://…}}` in {path}.",
            source=FileLocation(path),
        )


def _check_training(project_file: ProjectFile, declared: Declared, errors: ErrorFormatter) -> Iterator[Problem]:
    stack = project_file.training.stack
    if stack and ("stack", stack) not in declared:
        yield missing_resource(("training", "stack"), stack, kind="stack", declared=declared, errors=errors)


def _check_silences(project_file: ProjectFile, declared: Declared, errors: ErrorFormatter) -> Iterator[Problem]:
    for position, silence in enumerate(project_file.alerts.silences if project_file.alerts else ()):
        if silence.monitor and ("monitor", silence.monitor) not in declared:
            path = ("alerts", "silences", position, "monitor")
            yield missing_resource(path, silence.monitor, kind="monitor", declared=declared, errors=errors)


def _check_renames(project_file: ProjectFile, declared: Declared, errors: ErrorFormatter) -> Iterator[Problem]:
    """Yield what `moved` and `removed` say that the declared resources contradict."""
    addresses = {f"{kind}.{name}" for kind, name in declared}
    for old, new in project_file.moved.items():
        if old in addresses:
            detail = f"`{old}` is still declared, so it did not move. Take its file away, or this line."
            yield errors.problem("moved and still there", detail, ("moved", old), key=True)
        if new not in addresses:
            detail = (
                f"`{new}` is not declared, so nothing can have moved there. Write its file, or correct the address."
            )
            yield errors.problem("no such resource", detail, ("moved", old), hint=near(new, sorted(addresses)))
        if old.partition(".")[0] != new.partition(".")[0]:
            yield errors.problem("moved to another kind", f"`{old}` cannot become `{new}`.", ("moved", old))
    if len(set(project_file.moved.values())) < len(project_file.moved):
        yield errors.problem("moved twice", "Two resources cannot move to one address.", ("moved",))
    for position, address in enumerate(project_file.removed):
        if address in addresses:
            detail = f"`{address}` is still declared. Take its file away to have it forgotten, or this line to keep it."
            yield errors.problem("removed and still there", detail, ("removed", position))
