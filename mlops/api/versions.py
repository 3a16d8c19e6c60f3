"""Show the versions of a model, and where they run.

Lives here: versions_of, version_table, version_records, and serving_places.
Not here: finding versions (registry), drawing tables (render), planning (project).
Law: nothing is written but caches; an environment whose state cannot be read is named, not passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.errors import MlopsError
from mlops.kinds.staged.measured import headline_values
from mlops.metrics.task import Task
from mlops.registry.committed import short_digest
from mlops.registry.versions import ModelVersion, model_versions

if TYPE_CHECKING:
    from mlops.api.project import Project

_MOST_METRICS = 2


def versions_of(project: Project, text: str) -> tuple[Address, list[ModelVersion]]:
    """Return the address of a model, and its versions, the newest first. Raises MlopsError where it is no model."""
    at = project.address_of(text)
    if at.kind != "model":
        raise MlopsError.of(
            "no versions", f"A {at.kind} has no versions in git; a model has. Of what was applied: mlops history {at}",
            address=str(at),
        )  # fmt: skip
    return at, model_versions(project.context(), at.name, project.store.versions(at))


def version_table(project: Project, text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return {version, names, METRIC…, data, commit, at, who, runs in} of each version of a model, as texts for people; and
    sentences on what is not known."""
    at, versions = versions_of(project, text)
    places, unknown = serving_places(project, at)
    rows = [_row(one, places.get(one.digest, ())) for one in versions]
    return rows, [f"What runs in {name} is not known here: {why}." for name, why in unknown.items()]


def _row(one: ModelVersion, places: Sequence[str]) -> dict[str, Any]:
    version = one.version
    measured = headline_values(Task(version.task), version.metrics)[:_MOST_METRICS] if version.task else []
    return {
        "version": short_digest(version.digest), "names": ", ".join((*one.names, *(["dvc.lock"] if one.is_present else []))),
        **dict(measured), "data": short_digest(version.data),
        "commit": one.commit[:8] if one.commit else "not committed", "at": one.at[:10], "who": one.who or "-",
        "runs in": ", ".join(places),
    }  # fmt: skip


def version_records(project: Project, text: str) -> list[dict[str, Any]]:
    """Return the same whole, for programs."""
    at, versions = versions_of(project, text)
    places, unknown = serving_places(project, at)
    return [
        {
            "address": str(at), "digest": one.digest, "names": list(one.names), "present": one.is_present,
            "metrics": dict(one.version.metrics), "data": {"dataset": one.version.dataset, "digest": one.version.data},
            "commit": one.commit, "at": one.at, "who": one.who, "summary": one.summary, "serial": one.serial,
            "runs_in": list(places.get(one.digest, ())), "environments_not_known": dict(unknown),
        }
        for one in versions
    ]  # fmt: skip


def serving_places(project: Project, model: Address) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return digest -> where the version runs, in every environment: `prod endpoint.late v3`. And environment -> why its state
    cannot be read here."""
    from mlops.api.project import Project

    names = sorted({path.stem for path in (project.root / "conf" / "env").glob("*.yaml")} | {project.environment})
    places: dict[str, list[str]] = {}
    unknown: dict[str, str] = {}
    for name in names:
        try:
            there = project if name == project.environment else Project.open(project.root, env=name)
            records = there.store.records()
        except MlopsError as error:
            unknown[name] = error.problems[0].summary
            continue
        for address, record in records.items():
            if address.kind == "endpoint" and record.outputs.get("model") == model.name:
                words = f"{name} {address} {record.outputs.get('version', '')}".strip()
                places.setdefault(str(record.outputs.get("model_digest")), []).append(words)
    return places, unknown
