"""Write down what was tried.

Lives here: ledger_of, best_of.
Not here: choosing trials (study).
Law: the ledger holds every trial that ran to an end, failed ones with their reason, in the order in which they were begun.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from mlops.workloads.tuning.study import REASON
from mlops.workloads.tuning.trial import Objective

VALUES, SECONDS = "values", "seconds"
"""Attributes of a trial: field -> value; how long it took."""
_STATES = {TrialState.COMPLETE: "done", TrialState.PRUNED: "ended early", TrialState.FAIL: "failed"}


def ledger_of(
    trials: Sequence[FrozenTrial], objectives: Sequence[Objective], searched: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what tuning/model/NAME.json holds. `searched`: what the search was asked for."""
    best = best_of(trials, objectives)
    return {
        "format": 1,
        "objectives": {one.name: one.direction.removesuffix("imize") for one in objectives},
        "searched": dict(searched),
        "chosen": best.user_attrs[VALUES] if best else None,
        "best": trials.index(best) if best else None,
        "trials": [_entry(number, trial, objectives) for number, trial in enumerate(trials)],
    }


def _entry(number: int, trial: FrozenTrial, objectives: Sequence[Objective]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "number": number, "state": _STATES[trial.state], "values": trial.user_attrs.get(VALUES, {}),
        "seconds": round(trial.user_attrs.get(SECONDS, 0.0), 2),
    }  # fmt: skip
    if trial.state is TrialState.COMPLETE:
        entry["measured"] = {one.name: _short(value) for one, value in zip(objectives, trial.values, strict=True)}
    if trial.intermediate_values:
        entry["rungs"] = {str(step): _short(value) for step, value in sorted(trial.intermediate_values.items())}
    if trial.state is TrialState.FAIL:
        entry["reason"] = trial.user_attrs.get(REASON, "")
    return entry


def best_of(trials: Sequence[FrozenTrial], objectives: Sequence[Objective]) -> FrozenTrial | None:
    """Return the trial that is best by the first objective, and of equal ones by the next; the earliest of those that are equal
    in all. With several objectives it is one that no other trial beats in all of them."""
    done = [trial for trial in trials if trial.state is TrialState.COMPLETE]

    def order(trial: FrozenTrial) -> tuple[float, ...]:
        return tuple(
            value if one.direction == "minimize" else -value
            for one, value in zip(objectives, trial.values, strict=True)
        )

    return min(done, key=order, default=None)


def _short(value: float) -> float | None:
    return float(f"{value:.10g}") if math.isfinite(value) else None
