"""Choose trials.

Lives here: open_study, begin_study, next_trial, over a file of trials.
Not here: running a trial (trial), what is written of all (ledger), values of a version before (earlier).
Law: what is chosen depends on the trials that are finished and on the seed, not on the process: a search that was killed goes on as
if it had not been.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from mlops.config.schema.searched import resolve_space
from mlops.config.schema.tuning import Tune
from mlops.workloads.tuning.points import combinations_of, distribution_of, point_of, value_of
from mlops.workloads.tuning.storage import TrialFile

StudyDirection = Literal["minimize", "maximize"]
REASON, CHOSEN_VALUES, SECONDS, PLACE, WORKER = "reason", "values", "seconds", "place", "worker"
"""Attributes of a trial: why it failed; field -> value; how long it took; its place among all trials, which it keeps when the
process that ran it was killed and it is tried again; the id of that process."""
INTERRUPTED = "interrupted"
_TRIES = 5
"""How often a place is tried whose process dies each time."""
_STUDY = "tune"


def open_study(path: Path, tune: Tune, directions: Sequence[StudyDirection]) -> optuna.Study:
    """Return the study that lies in a file; a new one where there is none. `directions`: of each objective."""
    optuna.logging.set_verbosity(logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    path.parent.mkdir(parents=True, exist_ok=True)
    return optuna.create_study(
        storage=JournalStorage(TrialFile(path)), study_name=_STUDY, directions=list(directions), load_if_exists=True,
        pruner=_pruner(tune),
    )  # fmt: skip


def begin_study(path: Path, tune: Tune, directions: Sequence[StudyDirection], known: Sequence[FrozenTrial]) -> None:
    """Write a file that holds the trials that are finished, and none that was cut off. `known`: those of a ledger, where there is
    no file yet."""
    written = finished(open_study(path, tune, directions)) if path.exists() else list(known)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    open_study(fresh, tune, directions).add_trials(written)
    fresh.replace(path)


def next_trial(
    study: optuna.Study, tune: Tune, first: Sequence[Mapping[str, Any]] = ()
) -> tuple[Trial, dict[str, Any]] | None:
    """Return the next trial with its field -> value. None where a grid has no more. `first`: values to begin with. Two processes
    must not ask at once."""
    taken = {trial.user_attrs[PLACE] for trial in study.get_trials(deepcopy=False) if counts(trial)}
    place = next(number for number in range(len(taken) + 1) if number not in taken)
    fixed: Mapping[str, Any] | None = None
    if tune.search == "grid":
        points = combinations_of(tune)
        if place >= len(points):
            return None
        fixed = points[place]
    elif place < len(first):
        fixed = point_of(tune, first[place])
    study.sampler = _sampler(tune, tune.seed * 1_000_003 + place)
    trial = _begun(study, place, fixed)
    chosen = resolve_space(tune.space, lambda one: value_of(one, trial._suggest(one.path, distribution_of(one))))
    trial.set_user_attr(CHOSEN_VALUES, chosen)
    return trial, chosen


def _begun(study: optuna.Study, place: int, fixed: Mapping[str, Any] | None) -> Trial:
    """Begin a trial with its place in one step, so that no process that is killed leaves half of it. Optuna's own queue of values
    takes two."""
    attributes = {"fixed_params": dict(fixed)} if fixed is not None else {}
    begun = create_trial(
        state=TrialState.RUNNING, user_attrs={PLACE: place, WORKER: os.getpid()}, system_attrs=attributes
    )
    study._thread_local.cached_all_trials = None
    return Trial(study, study._storage.create_new_trial(study._study_id, template_trial=begun))


def cut_off(study: optuna.Study, trial: FrozenTrial) -> None:
    """End a trial whose process was killed. Its place is tried again, unless all that began there were cut off: then it failed."""
    place = trial.user_attrs.get(PLACE)
    tries = [one for one in study.get_trials(deepcopy=False) if one.user_attrs.get(PLACE) == place]
    reason = INTERRUPTED
    if CHOSEN_VALUES in trial.user_attrs and len(tries) >= _TRIES:
        reason = (
            f"The process that ran it died, {len(tries)} times. Perhaps there was not enough memory for these values."
        )
    started = trial.datetime_start or datetime.now()
    storage, number = study._storage, trial._trial_id
    storage.set_trial_user_attr(number, SECONDS, (datetime.now() - started).total_seconds())
    storage.set_trial_user_attr(number, REASON, reason)
    study.tell(trial.number, state=TrialState.FAIL)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that ran to an end, in the order of their places: with a value, ended early, or failed with a reason."""
    found = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished() and counts(trial)]
    return sorted(found, key=place_of)


def place_of(trial: FrozenTrial) -> int:
    place: int = trial.user_attrs[PLACE]
    return place


def counts(trial: FrozenTrial) -> bool:
    """Return whether a trial has its place: it was begun, and not cut off with its process."""
    return PLACE in trial.user_attrs and trial.user_attrs.get(REASON) != INTERRUPTED


def _sampler(tune: Tune, seed: int) -> BaseSampler:
    seed %= 2**32
    match tune.search:
        case "tpe":
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=tune.parallel > 1)
        case "cma_es":
            return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        case "gp":
            return optuna.samplers.GPSampler(seed=seed, deterministic_objective=True)
    return optuna.samplers.RandomSampler(seed=seed)


def _pruner(tune: Tune) -> optuna.pruners.BasePruner:
    match tune.prune:
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
        case "asha":
            return optuna.pruners.SuccessiveHalvingPruner()
        case "hyperband":
            return optuna.pruners.HyperbandPruner()
    return optuna.pruners.NopPruner()
