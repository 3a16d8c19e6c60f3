"""Write a model as plain YAML.

Lives here: plain_yaml of a project's model, and plain_files, the files for what a search or `architecture: auto` has found.
Not here: searching (workloads.tuning), trying candidates (workloads.training.families.auto).
Law: what is written trains the same families with the same values, and searches nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.errors import MlopsError
from mlops.kinds.staged.tuned import TUNE, read_ledger

if TYPE_CHECKING:
    from mlops.api.project import Project

_AUTO, _ENSEMBLE = "auto", "ensemble"
_MODELS_OWN = ("gates", "baseline_gate", "card", "protect")
"""Fields of a model that its members do not get."""


def plain_yaml(project: Project, text: str) -> str:
    """Return conf/model/NAME.yaml with what was found in the place of the search for it. Raises MlopsError where it is no model, or
    nothing was found yet."""
    at = project.address_of(text)
    if at.kind != "model":
        raise MlopsError.of(
            "no model", f"A {at.kind} has no winner; a model has. Name one: model.NAME", address=str(at)
        )
    inputs = json.loads(json.dumps(project.spec.resources[at].inputs, default=dict))
    ledger = read_ledger(project.root, at.name) if inputs.get(TUNE) else None
    chosen = ledger["chosen"] if ledger else None
    if inputs.get(TUNE) and chosen is None:
        raise _nothing(at, f"tuning/model/{at.name}.json")
    from mlops.config.schema.searched import with_values  # pydantic

    found = with_values({name: value for name, value in inputs.items() if name != TUNE}, chosen or {})
    summary = _summary(project.root, at) if found["architecture"].get("name") == _AUTO else None
    files = plain_files(at.name, found, summary, project.spec.settings.allow_targets)
    texts = [f"# {path}\n{content}" for path, content in files.items()]
    return ("\n".join(texts) if len(texts) > 1 else next(iter(files.values()))).rstrip("\n")


def plain_files(
    name: str, inputs: Mapping[str, Any], summary: Mapping[str, Any] | None, allowed: tuple[str, ...]
) -> dict[str, str]:
    """Return path -> YAML. `inputs`: the model's, without a search. `summary`: what `architecture: auto` found; one that kept several
    models becomes a file for each, and an ensemble of them. `allowed`: the modules that a `_target_` may come from."""
    if summary is None:
        return {_path(name): _yaml(inputs)}
    members = sorted(summary["members"], key=lambda member: -member["weight"])
    notes = _missing_targets(members, allowed)
    if len(members) == 1:
        return {_path(name): notes + _yaml(_with(inputs, members[0]["architecture"]))}
    shared = {field: value for field, value in inputs.items() if field not in _MODELS_OWN}
    names = [f"{name}-{place}" for place in range(1, len(members) + 1)]
    shares = ", ".join(f"{one} {member['weight']:.2g}" for one, member in zip(names, members, strict=True))
    mixed = f"# It was mixed with the weights {shares}; the ensemble finds its own on the validation split.\n"
    files = {_path(name): mixed + _yaml(_with(inputs, {"name": _ENSEMBLE, "of": names}))}
    for one, member in zip(names, members, strict=True):
        files[_path(one)] = _yaml(_with(shared, member["architecture"]))
    return {path: (notes if path == _path(name) else "") + text for path, text in files.items()}


def _with(inputs: Mapping[str, Any], architecture: Mapping[str, Any]) -> dict[str, Any]:
    from mlops.config.schema.searched import with_values

    return with_values(inputs, {"architecture": architecture})


def _missing_targets(members: list[Mapping[str, Any]], allowed: tuple[str, ...]) -> str:
    modules = {
        one["architecture"]["_target_"].rpartition(".")[0] for one in members if "_target_" in one["architecture"]
    }
    lacking = sorted(
        one for one in modules if not any(one == prefix or one.startswith(f"{prefix}.") for prefix in allowed)
    )
    return f"# conf/project.yaml must say: allow_targets: [{', '.join([*allowed, *lacking])}]\n" if lacking else ""


def _summary(root: Path, at: Address) -> Mapping[str, Any]:
    path = Path("models") / at.name / "train" / "summary.json"
    try:
        found: dict[str, Any] = json.loads((root / path).read_text())
    except (OSError, ValueError):
        raise _nothing(at, str(path)) from None
    if not found.get("members"):
        raise _nothing(at, str(path))
    return found


def _nothing(at: Address, path: str) -> MlopsError:
    return MlopsError.of(
        "nothing was found yet",
        f"{path} says no values of {at}. Make it with `mlops apply`, or fetch it: git pull && dvc pull",
        address=str(at),
    )


def _path(name: str) -> str:
    return f"conf/model/{name}.yaml"


def _yaml(inputs: Mapping[str, Any]) -> str:
    """Return what belongs on one line on one line."""
    import yaml

    return str(yaml.safe_dump(dict(inputs), sort_keys=False, allow_unicode=True, width=110, default_flow_style=None))
