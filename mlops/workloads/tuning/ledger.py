"""Write down what was tried.

Lives here: Ledger, best_of, and history_of what a ledger says.
Not here: choosing trials (study), what a search takes from a ledger (earlier).
Law: the ledger holds every trial that ran to an end, failed ones with their reason, in the order in which they were begun.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from mlops.workloads.tuning.study import CHOSEN_VALUES, PLACE, REASON, SECONDS
from mlops.workloads.tuning.trial import SearchObjective

STATES = {TrialState.COMPLETE: "done", TrialState.PRUNED: "ended early", TrialState.FAIL: "failed"}


@dataclass(frozen=True)
class Ledger:
    """What tuning/model/NAME.json says beside the trials. `searched`: what the search was asked for. `question`: tells this
    search from another by all that its trials depend on. `asked`: the same, of what asks for a new search alone. `first`: values
    of a version before, which were tried first."""

    objectives: Sequence[SearchObjective]
    searched: Mapping[str, Any]
    question: str
    asked: str
    first: Sequence[Mapping[str, Any]]

    def of(self, trials: Sequence[FrozenTrial], ended: str | None) -> dict[str, Any]:
        """Return the content of the file. `ended`: why no more are tried; None while the search goes on."""
        best = best_of(trials, self.objectives)
        return {
            "format": 1,
            "objectives": {one.name: one.direction.removesuffix("imize") for one in self.objectives},
            "searched": dict(self.searched),
            "question": self.question,
            "asked": self.asked,
            "began_with": [dict(values) for values in self.first],
            "ended": ended,
            "chosen": best.user_attrs[CHOSEN_VALUES] if best else None,
            "best": best.user_attrs[PLACE] if best else None,
            "trials": [self._entry(trial) for trial in trials],
        }

    def _entry(self, trial: FrozenTrial) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "number": trial.user_attrs[PLACE], "state": STATES[trial.state], "values": trial.user_attrs[CHOSEN_VALUES],
            "seconds": round(trial.user_attrs.get(SECONDS, 0.0), 2),
        }  # fmt: skip
        if trial.state is TrialState.COMPLETE:
            entry["measured"] = {one.name: value for one, value in zip(self.objectives, trial.values, strict=True)}
        if trial.constraints:
            entry["beyond"] = dict(trial.constraints)
        rungs = {str(step): value for step, value in sorted(trial.intermediate_values.items()) if math.isfinite(value)}
        if rungs:
            entry["rungs"] = rungs
        if trial.state is TrialState.FAIL:
            entry["reason"] = trial.user_attrs.get(REASON, "")
        return entry


def best_of(trials: Sequence[FrozenTrial], objectives: Sequence[SearchObjective]) -> FrozenTrial | None:
    """Return the trial within the limits that is best by the first objective, and of equal ones by the next; the earliest of those that are equal
    in all. With several objectives it is one that no other trial beats in all of them."""
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    done = [trial for trial in complete if all(excess <= 0 for excess in trial.constraints.values())]

    def order(trial: FrozenTrial) -> tuple[float, ...]:
        return tuple(
            value if one.direction == "minimize" else -value
            for one, value in zip(objectives, trial.values, strict=True)
        )

    return min(done, key=order, default=None)


def history_of(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return {trial, value, best} of each trial that has a value of the first objective: its own, and the best so far."""
    name, better = next(iter(content["objectives"].items()))
    rows: list[dict[str, Any]] = []
    for one in content["trials"]:
        if (value := one.get("measured", {}).get(name)) is not None:
            best = value if not rows else (max if better == "max" else min)(rows[-1]["best"], value)
            rows.append({"trial": one["number"], "value": value, "best": best})
    return rows
