"""Publish a version of a model to an MLflow registry that somebody has.

Lives here: publish_version.
Not here: speaking to MLflow, which a program of the workloads does (workloads.publish_to_mlflow).
Law: git and the state stay the truth; what is published says where it comes from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlops.api.versions import versions_of
from mlops.config.schema.model_reference import is_alias
from mlops.errors import MlopsError, ToolFailed
from mlops.registry.committed import LOCK, short_digest
from mlops.registry.versions import chosen_version
from mlops.render.document import value_text
from mlops.tools.dvc.run import bring_object
from mlops.tools.installed import lacking_of_extra
from mlops.tools.process import run
from mlops.tools.scratch import scratch

if TYPE_CHECKING:
    from mlops.api.project import Project

_UNSAID = ("code", "fingerprint")


def publish_version(project: Project, text: str, uri: str, *, version: str = LOCK) -> str:
    """Publish a version with its files, values, metrics and names, and return a sentence. `uri`: of MLflow, as its clients write
    it. Raises MlopsError where its files are kept nowhere, MLflow refuses, or its package is missing."""
    at, versions = versions_of(project, text)
    one = chosen_version(project.root, versions, version)
    if lacking := lacking_of_extra("mlflow"):
        raise MlopsError.of(
            "packages are missing",
            f"MLflow is spoken to by packages of the extra `mlflow`, and there is no {', '.join(lacking)}. Install them: "
            "pip install 'mlops[mlflow]'",
        )
    resource, context = project.spec.resources.get(at), project.context()
    tags = {"mlops.data": one.version.data, "mlops.project": project.spec.name} | (
        {"mlops.commit": one.commit} if one.commit else {}
    )
    with scratch(context.paths.home / "tmp") as folder:
        bring_object(context.root, one.digest, folder / "model", context.remote)
        asked = {
            "uri": uri, "model": at.name, "digest": one.digest, "params": dict(_flat(one.version.trained)), "tags": tags,
            "metrics": {key: value for key, value in one.version.metrics.items() if isinstance(value, int | float)},
            "aliases": [name for name in one.names if is_alias(name)], "summary": one.summary, "folder": str(folder / "model"),
            "description": resource.inputs.get("description", "") if resource else "",
        }  # fmt: skip
        (folder / "asked.json").write_text(json.dumps(asked))
        try:
            run(
                [sys.executable, "-m", "mlops.workloads.publish_to_mlflow", str(folder / "asked.json")],
                cwd=context.root,
            )
        except ToolFailed as error:
            raise ToolFailed.of("not published", f"{uri}: {error.problems[0].detail}", address=str(at)) from error
        answer = json.loads((folder / "answer.json").read_text())
    named = f", named {', '.join(asked['aliases'])}" if asked["aliases"] else ""
    was = "" if answer["is_new"] else ", which it had already"
    return f"{at} {short_digest(one.digest)} is version {answer['version']} of {at.name} in {uri}{was}{named}."


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        if key in _UNSAID and not prefix:
            continue
        if isinstance(inner, Mapping) and inner:
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value_text(inner)
