"""Put the kinds together.

Lives here: build_kinds, desire_all, refuse_what_cannot_work, acting.
Not here: any kind.
Law: one object a kind, for one command; a kind is found in the table, whoever brings it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mlops.address import Address
from mlops.config.project import ProjectSpec
from mlops.context.context import Context
from mlops.engine.plan import Change
from mlops.engine.resource import Desired, Kind
from mlops.errors import InvalidConfig, MlopsError
from mlops.extensions import KINDS
from mlops.kinds.base import BaseKind
from mlops.kinds.output_resolver import OutputResolver, output_dependencies


def kind_class(name: str) -> type[BaseKind]:
    """Raises MlopsError where no installed package brings the kind."""
    if name not in KINDS:
        raise MlopsError.of(
            "kind is not installed",
            f"The state has resources of kind {name}, and no installed package brings that kind. Install it again; to "
            "forget them instead, say so in `removed:` of conf/project.yaml.",
        )
    kind: type[BaseKind] = KINDS.load(name)
    return kind


def build_kinds(context: Context) -> Mapping[str, BaseKind]:
    """Return kind -> object, of all resources that are declared or recorded."""
    names = sorted({at.kind for at in (*context.resources, *context.records)})
    return {name: kind_class(name)(context) for name in names}


def desire_all(kinds: Mapping[str, BaseKind], project: ProjectSpec) -> dict[Address, Desired]:
    return {
        at: output_dependencies(kinds[at.kind].desire(resource, project), kinds[at.kind])
        for at, resource in project.resources.items()
    }


def refuse_what_cannot_work(kinds: Mapping[str, BaseKind], changes: Iterable[Change]) -> None:
    """Raise InvalidConfig with every problem that the kinds know of before an apply would meet it."""
    problems = [problem for name, pending in _pending(changes).items() for problem in kinds[name].problems(pending)]
    if problems:
        raise InvalidConfig(*dict.fromkeys(problems))


def refuse_to_leave(kinds: Mapping[str, BaseKind], changes: Iterable[Change]) -> None:
    """Raise MlopsError with every reason why an apply has to wait for what it begins."""
    problems = [problem for name, pending in _pending(changes).items() for problem in kinds[name].must_wait(pending)]
    if problems:
        raise MlopsError(*problems)


def _pending(changes: Iterable[Change]) -> dict[str, list[Change]]:
    """Return the changes that make something, by kind."""
    by_kind: dict[str, list[Change]] = {}
    for change in changes:
        if change.action.changes_something and not change.action.removes_record:
            by_kind.setdefault(change.address.kind, []).append(change)
    return by_kind


def acting(kinds: Mapping[str, BaseKind]) -> dict[str, Kind]:
    """The kinds as the engine uses them: with the outputs of others filled in."""
    return {name: OutputResolver(kind) for name, kind in kinds.items()}
