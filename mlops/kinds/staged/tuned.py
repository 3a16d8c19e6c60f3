"""What a search changes about a model.

Lives here: stages_of, tune_params and the modules that a search may run, searched_before, and what the plan says of a search.
Not here: searching (workloads.tuning), the space (config.schema.tuning).
Law: what is chosen is an output that training depends on; an edit outside the space does not search again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops.config.schema.category import Category
from mlops.config.schema.units import format_duration
from mlops.context.context import Context
from mlops.extensions import FAMILIES
from mlops.kinds.staged.code import stage_code

TRAINING = ("train", "evaluate", "export")
TUNE = "tune"


def stages_of(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the stages of a model, in their order."""
    return (TUNE, *TRAINING) if inputs.get(TUNE) else TRAINING


def tune_folder(name: str) -> str:
    """Return the folder of what was chosen, which training reads."""
    return f"models/{name}/{TUNE}"


def ledger_path(root: Path, name: str) -> Path:
    return root / "tuning" / "model" / f"{name}.json"


def tune_params(inputs: Mapping[str, Any], context: Context, train_code: Mapping[str, str]) -> dict[str, Any]:
    """Return the section `tune` of params/model/NAME.json. `train_code`: of the stage that learns with the values."""
    searched = inputs[TUNE]["space"]
    family = {} if "architecture" in searched else {"family": inputs["architecture"]["name"]}
    asked = {"tune": inputs[TUNE], "dataset": inputs["dataset"], "task": inputs["task"], **family}
    return {**asked, "code": {**train_code, **stage_code(TUNE, context.hashes)}}


def searched_modules(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the modules of the families that a search may choose. Raises MlopsError."""
    branches = inputs.get(TUNE, {}).get("space", {}).get("architecture", ())
    for branch in branches if isinstance(branches, list | tuple) else ():
        if isinstance(branch, Mapping) and "name" in branch:
            yield FAMILIES.module(branch["name"])


def searched_before(context: Context, name: str) -> dict[str, Any]:
    """Return the field `tune` as dvc.lock pins it; nothing where what is trained was not searched for."""
    train, tuned = context.lock.get(f"train@{name}"), context.lock.get(f"{TUNE}@{name}")
    if train is None or tuned is None or tune_folder(name) not in train.deps:
        return {}
    said = tuned.params.get(f"params/model/{name}.json", {}).get(TUNE, {}).get("tune")
    return {TUNE: said} if said else {}


def search_note(root: Path, name: str, category: str) -> str:
    """Say what is chosen now, by how many trials, and how long they took; nothing where nothing was searched for."""
    try:
        ledger = json.loads(ledger_path(root, name).read_text())
        trials, chosen = ledger["trials"], ledger["chosen"]
        best = trials[ledger["best"]]["measured"]
        seconds = sum(trial["seconds"] for trial in trials)
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    values = ", ".join(f"{path} {_short(value)}" for path, value in chosen.items())
    reached = ", ".join(f"{metric} {value:.4g}" for metric, value in best.items())
    again = (
        f", about {format_duration(max(1, round(seconds)))} again"
        if category in (Category.RETUNE, Category.REPROCESS)
        else ""
    )
    return f"now {values} from {len(trials)} trials ({reached}){again}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return str(value.get("name", "")) + "".join(
            f" {key} {_short(one)}" for key, one in value.items() if key != "name"
        )
    return str(value)
