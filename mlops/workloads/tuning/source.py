"""Give out trials, and take what they found.

Lives here: BegunTrial and TrialSource, what a worker asks; StudySource, of the study on this machine.
Not here: running a trial (trial), asking over the network (joined), choosing (study).
Law: of several workers, one is given its values at a time; a trial that is given up leaves its place to another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import optuna

from mlops.workloads.tuning.search import Search
from mlops.workloads.tuning.storage import locked
from mlops.workloads.tuning.study import REASON, SECONDS, counts, cut_off, finished, next_trial

_ALL_RUNGS, _RUNGS_AN_OCTAVE = 16, 8


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended. `values`: of each objective, then of each limit; None where it was ended early, or failed with `reason`."""

    seconds: float
    values: Sequence[float] | None = None
    reason: str | None = None


class BegunTrial(Protocol):
    """A trial that a worker runs. `chosen`: field -> value."""

    @property
    def chosen(self) -> Mapping[str, Any]: ...

    def is_hopeless(self, step: int, measured: Mapping[str, float]) -> bool:
        """Take a value on the way, and say whether the trial promises little."""
        ...

    def end(self, found: TrialResult) -> tuple[str, float]:
        """Return how far the search is: a line for people, and the share of the trials that is done."""
        ...


class TrialSource(Protocol):
    def next(self) -> BegunTrial | str:
        """Return the next trial; why there is none: trials, budget or space."""
        ...


@dataclass
class StudyTrial:
    search: Search
    study: optuna.Study
    trial: optuna.Trial
    chosen: Mapping[str, Any]

    def is_hopeless(self, step: int, measured: Mapping[str, float]) -> bool:
        name = self.search.objectives[0].name
        prunes = self.search.tune.prune != "none" and len(self.search.objectives) == 1
        if not prunes or name not in measured or not _is_rung(step):
            return False
        self.trial.report(measured[name], step)
        return self.trial.should_prune()

    def end(self, found: TrialResult) -> tuple[str, float]:
        ended: dict[str, Any]
        if found.values is not None:
            count, tune = len(self.search.objectives), self.search.tune
            for text, bound, value in zip(tune.limits, tune.bounds, found.values[count:], strict=True):
                self.trial.set_constraint(text, bound.excess(value))
            ended = {"values": list(found.values[:count])}
        elif found.reason is not None:
            self.trial.set_user_attr(REASON, found.reason)
            ended = {"state": optuna.trial.TrialState.FAIL}
        else:
            ended = {"state": optuna.trial.TrialState.PRUNED}
        self.trial.set_user_attr(SECONDS, found.seconds)
        self.study.tell(self.trial, **ended)
        return self.search.so_far(self.study)

    def give_up(self) -> None:
        """Leave its place to another trial with the same values."""
        cut_off(self.study, self.study.get_trials(deepcopy=False)[self.trial.number])


@dataclass
class StudySource:
    """`first`: values to begin with."""

    search: Search
    first: Sequence[Mapping[str, Any]]
    study: optuna.Study = field(init=False)

    def __post_init__(self) -> None:
        self.study = self.search.study()

    def next(self) -> StudyTrial | str:
        with locked(self.search.file.with_suffix(".choice")):
            begun = [one for one in self.study.get_trials(deepcopy=False) if counts(one)]
            if len(begun) >= self.search.tune.trials:
                return "trials"
            if self.search.is_spent(begun):
                return "budget"
            found = next_trial(self.study, self.search.tune, self.first)
        return "space" if found is None else StudyTrial(self.search, self.study, *found)

    def has_running(self) -> bool:
        """Say whether a trial runs somewhere, which may yet give up its place."""
        return len([one for one in self.study.get_trials(deepcopy=False) if counts(one)]) > len(finished(self.study))


def _is_rung(step: int) -> bool:
    """Say whether values are compared at this step: at each of the first, then at some between a number and its double."""
    return step <= _ALL_RUNGS or step % (2 ** (step.bit_length() - 1) // _RUNGS_AN_OCTAVE) == 0
