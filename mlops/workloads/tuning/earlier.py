"""Begin with what a version before has found.

Lives here: Earlier, what a search takes from the ledger that lies in the repository, and restored_trials, its trials.
Not here: writing it (ledger).
Law: a trial is taken as it is where nothing that it depends on has changed; else its values are tried anew. The same ledger gives the
same search.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, create_trial

from mlops.config.schema.searched import resolve_space
from mlops.config.schema.tuning import Dimension, Tune
from mlops.workloads.tuning.ledger import STATES
from mlops.workloads.tuning.points import Point, distribution_of, point_of
from mlops.workloads.tuning.study import CHOSEN_VALUES, PLACE, REASON, SECONDS

_MOST, _SHARE = 10, 4
"""Values to begin with: at most so many, and at most one in so many trials."""
_STATE_OF = {name: state for state, name in STATES.items()}


@dataclass(frozen=True)
class Earlier:
    """`trials`: those that the search goes on from. `first`: values to begin with. `chosen`: what was chosen, where the search
    ended and nothing asks for another one."""

    trials: Sequence[FrozenTrial] = ()
    first: Sequence[Mapping[str, Any]] = ()
    chosen: Mapping[str, Any] | None = None
    content: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, tune: Tune, question: str, asked: str) -> Earlier:
        """Take nothing from a ledger that is not there or cannot be read. `question`, `asked`: those of this search."""
        try:
            content: dict[str, Any] = json.loads(path.read_text())
            if content["asked"] == asked and content["ended"] in ENDS and content["chosen"] is not None:
                return cls(chosen=content["chosen"], content=content)
            if content["question"] == question:
                return cls(restored_trials(content, tune), content["began_with"])
            return cls(first=_best_values(content, tune))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()


ENDS = ("trials", "budget", "space")
"""Why a search ended that is whole: all trials were run, the budget was spent, or a grid has no more."""


def restored_trials(content: Mapping[str, Any], tune: Tune) -> list[FrozenTrial]:
    """Return the trials of a ledger as Optuna knows them. Raises ValueError for values that the space does not have."""
    return [_restored(one, content, tune) for one in content["trials"]]


def _restored(entry: Mapping[str, Any], content: Mapping[str, Any], tune: Tune) -> FrozenTrial:
    point = point_of(tune, entry["values"])
    if point is None:
        raise ValueError(f"trial {entry['number']} has values that the space does not have")
    attributes = {PLACE: entry["number"], CHOSEN_VALUES: entry["values"], SECONDS: entry["seconds"]}
    if "reason" in entry:
        attributes[REASON] = entry["reason"]
    measured = entry.get("measured")
    return create_trial(
        state=_STATE_OF[entry["state"]],
        values=[measured[name] for name in content["objectives"]] if measured else None,
        params=point,
        distributions=_distributions(tune, point),
        user_attrs=attributes,
        constraints=entry.get("beyond"),
        intermediate_values={int(step): value for step, value in entry.get("rungs", {}).items()},
    )


def _distributions(tune: Tune, point: Point) -> dict[str, BaseDistribution]:
    found: dict[str, BaseDistribution] = {}

    def pick(one: Dimension) -> Any:
        found[one.path] = distribution_of(one)
        return point[one.path]

    resolve_space(tune.space, pick)
    return found


def _best_values(content: Mapping[str, Any], tune: Tune) -> list[Mapping[str, Any]]:
    """Return the values of the best trials that the space of now has, the best first."""
    name, direction = next(iter(content["objectives"].items()))
    done = [one for one in content["trials"] if one["state"] == "done"]
    done.sort(key=lambda one: one["measured"][name] * (1 if direction == "min" else -1))
    values: list[Mapping[str, Any]] = []
    for one in done:
        if len(values) < min(_MOST, tune.trials // _SHARE) and one["values"] not in values:
            values += [one["values"]] if point_of(tune, one["values"]) is not None else []
    return values
