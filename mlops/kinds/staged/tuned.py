"""What a search changes about a model.

Lives here: stages_of, tune_params and the modules that a search may run, searched_before, read_ledger, and what the plan says of a
search.
Not here: searching (workloads.tuning), the space (config.schema.tuning).
Law: what is chosen is an output that training depends on; an edit outside the space does not search again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.config.effective import typed
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.inputs import without_fields
from mlops.contracts.names import ONLY_HOW_MANY
from mlops.engine.resource import Desired, Record
from mlops.extensions import FAMILIES
from mlops.kinds.staged.code import stage_code

if TYPE_CHECKING:
    from mlops.config.schema.tuning import Tune

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
    price = context.settings.training.price
    if price and is_money(inputs[TUNE].get("budget")):
        asked["price"] = price
    return {**asked, "code": {**train_code, **stage_code(TUNE, context.hashes)}}


def is_money(budget: Any) -> bool:
    """Say whether a budget is written as money, whose currency has three capital letters."""
    return isinstance(budget, str) and budget[-3:].isupper()


def price_obstacles(desired: Desired, context: Context) -> tuple[str, ...]:
    """Say why a budget of money cannot be spent in this environment."""
    if not is_money(desired.inputs.get(TUNE, {}).get("budget")):
        return ()
    from mlops.config.schema.tuning import Tune  # pydantic

    try:
        Tune.model_validate_json(json.dumps(desired.inputs[TUNE], default=dict)).seconds_within(
            context.settings.training.price
        )
    except ValueError as error:
        return (str(error),)
    return ()


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


def search_note(desired: Desired, record: Record | None, root: Path, category: str) -> list[str]:
    """Say what is chosen now, by how many trials, and how long the search takes; what it looks for where there was none."""
    from mlops.config.schema.units import format_budget  # pydantic, which most commands need not

    search, ledger = desired.inputs[TUNE], read_ledger(root, desired.address.name)
    wanted: Tune = typed(desired.effective).tune
    most = wanted.trials
    searches = category in (Category.RETUNE, Category.REPROCESS) or record is None
    if ledger is None:
        names = ", ".join(path.rpartition(".")[2] for path in search["space"])
        within = f" within {format_budget(wanted.budget)}" if wanted.budget is not None else ""
        return [f"searches {names} by at most {most} trials{within}"]
    trials, best = ledger["trials"], next((one for one in ledger["trials"] if one["number"] == ledger["best"]), None)
    found = f"{_values(ledger['chosen'])}{{}} ({_measured(best)})" if best else "nothing{}"
    if is_whole := ledger["ended"] not in (None, "interrupted"):
        words = ["now " + found.format(f" from {len(trials)} trials")]
    else:
        words = [f"interrupted after {len(trials)} of {most} trials, best so far {found.format('')}"]
    if searches and trials:
        goes_on = category == Category.RETUNE and _goes_on(search, ledger, is_whole)
        left = most - len(trials) if goes_on else most
        words.append(f"about {_long(_seconds(trials, left, wanted) + _training(record))}")
    return words


def read_ledger(root: Path, name: str) -> dict[str, Any] | None:
    """Return what tuning/model/NAME.json holds; None where it is not there, or is no ledger."""
    try:
        ledger: dict[str, Any] = json.loads(ledger_path(root, name).read_text())
        is_ledger = isinstance(ledger["trials"], list) and {"best", "chosen", "ended", "searched"} <= set(ledger)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return ledger if is_ledger else None


def _goes_on(search: Mapping[str, Any], ledger: Mapping[str, Any], is_whole: bool) -> bool:
    """Say whether the trials of the ledger are those of this search too. Where a search has ended and is asked for as it was, what
    its trials depend on has changed."""
    if is_whole and search == ledger["searched"]:
        return False
    return without_fields(search, *ONLY_HOW_MANY) == without_fields(ledger["searched"], *ONLY_HOW_MANY)


def _seconds(trials: Sequence[Mapping[str, Any]], left: int, wanted: Tune) -> float:
    """Guess from the trials so far how long those take that are left."""
    seconds: float = sum(one["seconds"] for one in trials) / len(trials) * max(0, left) / wanted.parallel
    return min(seconds, wanted.budget) if isinstance(wanted.budget, float) else seconds


def _training(record: Record | None) -> float:
    seconds: float = record.outputs.get("training_seconds", 0.0) if record else 0.0
    return seconds


def _long(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1.0, seconds):.0f} s"


def _values(chosen: Mapping[str, Any]) -> str:
    return ", ".join(f"{path.rpartition('.')[2]} {_short(value)}" for path, value in chosen.items())


def _measured(trial: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if abs(value) < 1000 else f"{name} {value:,.0f}"
        for name, value in trial["measured"].items()
    )


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2g}"
    if isinstance(value, Mapping):
        parts = [f"{key} {_short(one)}" for key, one in value.items() if key != "name"]
        return " ".join([str(value.get("name", "")), *([f"({', '.join(parts)})"] if parts else [])]).strip()
    return str(value)
