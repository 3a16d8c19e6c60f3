"""Choose trials.

Lives here: open_study, next_trial and values_of, over Optuna's storage in a file.
Not here: running a trial (trial), what is written of all (ledger).
Law: what is chosen depends on the trials that are finished and on the seed, not on the process: a search that was killed goes on as
if it had not been.
"""

from __future__ import annotations

import itertools
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from mlops.config.schema.searched import resolve_space
from mlops.config.schema.tuning import Dimension, Tune

Direction = Literal["minimize", "maximize"]
REASON = "reason"
"""Attribute of a trial that failed: why."""
INTERRUPTED = "interrupted"


def open_study(path: Path, tune: Tune, directions: Sequence[Direction]) -> optuna.Study:
    """Return the study that lies in a file; a new one where there is none. `directions`: maximize or minimize, of each objective."""
    optuna.logging.set_verbosity(logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.create_study(
        storage=storage, study_name="tune", directions=list(directions), load_if_exists=True, pruner=_pruner(tune)
    )


def next_trial(study: optuna.Study, tune: Tune) -> tuple[Trial, dict[str, Any]] | None:
    """Return the next trial with its field -> value. None where a grid has no more."""
    taken = [trial for trial in study.get_trials(deepcopy=False) if not is_cut(trial)]
    study.sampler = _sampler(tune, tune.seed * 1_000_003 + len(taken))
    if tune.search == "grid":
        points = list(_grid(tune))
        if len(taken) >= len(points):
            return None
        fixed = points[len(taken)]
        trial = study.ask()
        return trial, resolve_space(tune.space, lambda one: _value(one, fixed[one.path]))
    trial = study.ask()
    return trial, resolve_space(tune.space, lambda one: _suggested(trial, one))


def clear_cut_trials(study: optuna.Study) -> None:
    """End the trials of processes that were killed; they are tried again and do not count."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING)):
        study._storage.set_trial_user_attr(trial._trial_id, REASON, INTERRUPTED)
        study.tell(trial.number, state=TrialState.FAIL)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that ran to an end: with a value, ended early, or failed with a reason."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished() and not is_cut(trial)]


def is_cut(trial: FrozenTrial) -> bool:
    """Return whether a trial was cut off with its process; it is tried again and does not count."""
    return trial.user_attrs.get(REASON) == INTERRUPTED


def _suggested(trial: Trial, dimension: Dimension) -> Any:
    return _value(dimension, trial._suggest(dimension.path, _distribution(dimension)))


def _value(dimension: Dimension, suggested: Any) -> Any:
    """Choices may be lists, which Optuna does not know, so that it chooses their numbers."""
    if dimension.kind == "choice":
        return dimension.values[suggested]
    return float(f"{suggested:.12g}") if isinstance(suggested, float) else suggested


def _distribution(dimension: Dimension) -> BaseDistribution:
    values = dimension.values
    match dimension.kind:
        case "choice":
            return CategoricalDistribution(list(range(len(values))))
        case "range":
            return FloatDistribution(float(values[0]), float(values[1]))
        case "log":
            return FloatDistribution(float(values[0]), float(values[1]), log=True)
        case "int":
            return IntDistribution(int(values[0]), int(values[1]))
        case "log_int":
            return IntDistribution(int(values[0]), int(values[1]), log=True)
    if all(isinstance(one, int) for one in values):
        return IntDistribution(values[0], values[1], step=values[2])
    return FloatDistribution(float(values[0]), float(values[1]), step=float(values[2]))


def _grid(tune: Tune) -> list[dict[str, Any]]:
    """Return every combination; of a branch that is not taken, nothing is combined."""
    points: list[dict[str, Any]] = []
    steps = {one.path: _steps(one) for one in tune.dimensions}
    seen: set[tuple[tuple[str, Any], ...]] = set()
    for combination in itertools.product(*steps.values()):
        point = dict(zip(steps, combination, strict=True))
        asked: dict[str, Any] = {}

        def pick(one: Dimension, point: Mapping[str, Any] = point, asked: dict[str, Any] = asked) -> Any:
            asked[one.path] = point[one.path]
            return _value(one, point[one.path])

        resolve_space(tune.space, pick)
        key = tuple(asked.items())
        if key not in seen:
            seen.add(key)
            points.append(asked)
    return points


def _steps(dimension: Dimension) -> list[Any]:
    match dimension.kind:
        case "choice":
            return list(range(len(dimension.values)))
        case "int":
            return list(range(int(dimension.values[0]), int(dimension.values[1]) + 1))
    low, high, step = dimension.values
    count = math.floor((high - low) / step + 1e-9)
    return [low + index * step for index in range(count + 1)]


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
