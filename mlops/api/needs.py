"""Say what a project needs of this machine and its folder, and lacks.

Lives here: extras_needed, attention_to_needs, and check_needs, which refuses an apply that could only fail.
Not here: every need of a project, for people to read (doctor); what an extra consists of (tools.installed).
Law: only what a pending change needs is in its way; a plan without changes is made without these packages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.engine.plan import Change
from mlops.engine.resource import Action, Attention
from mlops.errors import InvalidConfig, MlopsError, Problem
from mlops.kinds.base import BaseKind
from mlops.scaffold.stage_files import UPGRADE, missing_stage_files, outdated_stage_files

STAGED = ("dataset", "model")
"""Kinds that are stages of DVC."""


def extras_needed(
    kinds: Mapping[str, BaseKind], inputs: Mapping[Address, Mapping[str, Any]]
) -> dict[str, list[Address]]:
    """Return the extras of this package that resources need on this machine -> those resources."""
    users: dict[str, list[Address]] = defaultdict(list)
    for address in sorted(inputs):
        for extra in kinds[address.kind].extras(inputs[address]):
            users[extra].append(address)
    return dict(sorted(users.items()))


def attention_to_needs(
    root: Path, kinds: Mapping[str, BaseKind], inputs: Mapping[Address, Mapping[str, Any]], changes: Sequence[Change]
) -> tuple[Attention, ...]:
    """Return what a plan says of stage files that are out of date, and of packages that its changes need. `inputs`: those of
    the desired resources."""
    found = []
    if any(address.kind in STAGED for address in inputs) and (outdated := outdated_stage_files(root)):
        them = "it" if len(outdated) == 1 else "them"
        summary = f"{_listed(outdated)} missing or of an earlier version of mlops. Bring {them} up to date: {UPGRADE}"
        found.append(Attention(None, summary))
    found += [Attention(None, text) for text in _lacking(kinds, inputs, changes)]
    return tuple(found)


def check_needs(
    root: Path, kinds: Mapping[str, BaseKind], inputs: Mapping[Address, Mapping[str, Any]], changes: Sequence[Change]
) -> None:
    """Raise InvalidConfig where a stage would run whose file is missing, and MlopsError where packages are missing that a
    change needs: before anything is done."""
    staged = [change.address for change in _pending(changes, inputs) if change.address.kind in STAGED]
    if staged and (missing := missing_stage_files(root)):
        raise InvalidConfig.of(
            "stage files are missing",
            f"{_listed(missing)} not there, and {staged[0]} is made by them. Write them: {UPGRADE}",
        )
    if texts := _lacking(kinds, inputs, changes):
        raise MlopsError(*(Problem("packages are missing", text) for text in texts))


def _lacking(
    kinds: Mapping[str, BaseKind], inputs: Mapping[Address, Mapping[str, Any]], changes: Sequence[Change]
) -> list[str]:
    """Return a sentence for each extra that a change needs and this machine lacks."""
    from mlops.tools.installed import lacking_of_extra

    wanted = {change.address: inputs[change.address] for change in _pending(changes, inputs)}
    return [
        f"{users[0]} needs packages that are not installed here: {', '.join(lacking)}. "
        f'Install them: pip install "mlops[{extra}]"'
        for extra, users in extras_needed(kinds, wanted).items()
        if (lacking := lacking_of_extra(extra))
    ]


def _pending(changes: Iterable[Change], inputs: Mapping[Address, Any]) -> list[Change]:
    return [
        change
        for change in changes
        if change.action.changes_something and change.action is not Action.DELETE and change.address in inputs
    ]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
