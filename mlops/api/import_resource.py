"""Take over what exists.

Lives here: import_resource, which writes the YAML of a resource that is in the world, in dvc.lock or in the history.
Not here: planning (project).
Law: writes one file that did not exist and, at most, one record; the next plan says what still differs.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.api.rollback import as_written
from mlops.context.context import Context
from mlops.engine.lease import Holder, lease
from mlops.engine.resource import Record
from mlops.engine.state import Operation, operation_id
from mlops.errors import MlopsError
from mlops.kinds.registry import build_kinds, desire_all, kind_class

if TYPE_CHECKING:
    from mlops.api.project import Project

_COMMAND = "mlops import"


def import_resource(project: Project, text: str) -> tuple[Path, str, str]:
    """Write the YAML of a resource that exists, and return its path, its text and how the resource was found. Raises
    MlopsError where there is no such resource, or where it is declared already."""
    try:
        at = Address.parse(text)
    except ValueError as error:
        raise MlopsError.of("no address", f"{error}.") from None
    path = project.root / "conf" / at.kind / f"{at.name}.yaml"
    if at in project.spec.resources or path.exists():
        raise MlopsError.of(
            "already declared", f"{path.relative_to(project.root)} is there. What differs: mlops plan", address=text
        )
    if text in project.spec.settings.removed:
        raise MlopsError.of(
            "to be forgotten", f"`removed:` in conf/project.yaml lists {at}. Take it out there first.", address=text
        )
    inputs, record = _found(project, at)
    text_of_file = f"# yaml-language-server: $schema=../schema/{at.kind}.json\n{_yaml(as_written(kind_class(at.kind).as_declared(inputs)))}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text_of_file)
    if record is None:
        return path, text_of_file, "as dvc.lock pins it; the next apply records it"
    if not _is_there(project, at, record):
        return path, text_of_file, "as it was recorded; it exists no more, so the next apply makes it again"
    _record(project, record)
    return path, text_of_file, f"as it was recorded at serial {record.serial}; it is recorded again"


def _found(project: Project, at: Address) -> tuple[Mapping[str, Any], Record | None]:
    spec, store = project.spec, project.store
    context = Context(project.root, spec.settings, store.head().salt, store.records(), spec.resources)
    inputs = kind_class(at.kind)(context).pinned(at)
    if inputs is not None:
        return inputs, None
    versions = [version for version in project.store.versions(at) if version.record is not None]
    if versions and versions[-1].record is not None:
        return versions[-1].record.inputs, versions[-1].record
    raise MlopsError.of(
        "nothing to import",
        f"Nothing that is called {at} is pinned in dvc.lock, and this environment's state never had one. Declare it in "
        f"conf/{at.kind}/{at.name}.yaml, and apply makes it.",
        address=str(at),
    )


def _is_there(project: Project, at: Address, record: Record) -> bool:
    fresh = type(project).open(project.root, overrides=project.overrides)
    records = {**fresh.store.records(), at: record}
    context = Context(fresh.root, fresh.spec.settings, fresh.store.head().salt, records, fresh.spec.resources)
    kinds = build_kinds(context)
    return kinds[at.kind].observe(at, desire_all(kinds, fresh.spec)[at], record).exists


def _record(project: Project, record: Record) -> None:
    who, now = getpass.getuser(), datetime.now(UTC).isoformat(timespec="seconds")
    holder = Holder.me(who, now, f"{_COMMAND} {record.address}")
    operation = Operation(
        operation_id(),
        now,
        None,
        who,
        os.uname().nodename,
        f"{_COMMAND} {record.address}",
        None,
        "",
        "running",
        "",
    )
    with lease(project.store, holder) as token:
        project.store.begin(operation, token)
        project.store.write(record, operation=operation.id, at=now, token=token)
        project.store.end(operation.id, "done", f"Imported {record.address}.", at=now, token=token)


def _yaml(inputs: Any) -> str:
    import yaml

    return str(yaml.safe_dump(inputs, sort_keys=False, allow_unicode=True, width=110)) if inputs else "{}\n"
