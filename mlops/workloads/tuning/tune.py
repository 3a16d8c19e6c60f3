"""Search for the values of a model.

Lives here: tune, the whole of the stage, and work, what one worker does.
Not here: one trial (trial), choosing it (study), the ledger (ledger).
Law: a trial that ended is never lost and never run again; Ctrl-C ends the search with the best so far.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from mlops.config.schema.model import Model
from mlops.config.schema.tuning import Tune
from mlops.contracts.stage_params import TrainParams
from mlops.errors import MlopsError
from mlops.workloads.stage import failed, read_params, say, write_json
from mlops.workloads.tuning.ledger import SECONDS, VALUES, best_of, ledger_of
from mlops.workloads.tuning.study import INTERRUPTED, REASON, clear_cut_trials, finished, is_cut, next_trial, open_study
from mlops.workloads.tuning.trial import Objective, Trials, data_for, objectives_of

CHOSEN = "chosen.json"
WORKER = "worker"
"""Attribute of a trial: the process that runs it."""


@dataclass(frozen=True)
class Search:
    """`inputs`: the model's, without the search. `file`: of Optuna's storage."""

    name: str
    tune: Tune
    inputs: Mapping[str, Any]
    objectives: tuple[Objective, ...]
    file: Path
    root: Path

    @classmethod
    def of(cls, name: str, root: Path) -> Search:
        params = read_params("model", name)
        given = params["tune"]["tune"]
        inputs = TrainParams.of(params["train"]).spec
        tune = Tune.model_validate(given)
        spec = Model.model_validate(inputs)
        data = hashlib.sha256()
        for split in ("train", "val"):
            data.update((root / "data" / spec.dataset / f"{split}.parquet").read_bytes())
        asked = json.dumps([params["tune"], inputs, data.hexdigest()], sort_keys=True)
        identity = hashlib.sha256(asked.encode()).hexdigest()[:16]
        file = root / ".mlops" / "tuning" / name / f"{identity}.journal"
        return cls(name, tune, inputs, objectives_of(tune, spec.task), file, root)

    def study(self) -> optuna.Study:
        return open_study(self.file, self.tune, [one.direction for one in self.objectives])


def tune(name: str, *, root: Path = Path()) -> None:
    """Write tuning/model/NAME.json and models/NAME/tune/. Raises MlopsError where no trial succeeded."""
    search = Search.of(name, root)
    clear_cut_trials(search.study())
    try:
        if search.tune.parallel == 1:
            work(search)
        else:
            _work_side_by_side(search)
    except KeyboardInterrupt:
        say("interrupted: the best so far is kept", 1.0)
        clear_cut_trials(search.study())
    trials = finished(search.study())
    best = best_of(trials, search.objectives)
    if best is None:
        reasons = sorted({str(trial.user_attrs.get(REASON, "")) for trial in trials})
        raise failed("no trial succeeded", f"Each of {len(trials)} trials failed: {'; '.join(reasons[:3])}.")
    searched = json.loads((root / "params" / "model" / f"{name}.json").read_text())["tune"]["tune"]
    out = root / "models" / name / "tune"
    shutil.rmtree(out, ignore_errors=True)
    write_json(root / "tuning" / "model" / f"{name}.json", ledger_of(trials, search.objectives, searched))
    write_json(out / CHOSEN, best.user_attrs[VALUES])
    shutil.rmtree(search.file.parent, ignore_errors=True)


def work(search: Search) -> None:
    """Run trials until there are enough, or the budget is spent."""
    spec = Model.model_validate(search.inputs)
    trials = Trials(search.inputs, search.tune, search.objectives, data_for(spec, search.root))
    study = search.study()
    while True:
        with _alone(search):
            begun = [one for one in study.get_trials(deepcopy=False) if not is_cut(one)]
            spent = sum(one.user_attrs.get(SECONDS, 0.0) for one in begun)
            is_spent = search.tune.budget is not None and spent >= search.tune.budget
            if len(begun) >= search.tune.trials or (is_spent and begun):
                return
            found = next_trial(study, search.tune)
        if found is None:
            return
        _run(search, study, trials, found)


def _run(search: Search, study: optuna.Study, trials: Trials, found: tuple[optuna.Trial, dict[str, Any]]) -> None:
    trial, chosen = found
    trial.set_user_attr(VALUES, chosen)
    trial.set_user_attr(WORKER, os.getpid())
    started = time.monotonic()
    single = len(search.objectives) == 1

    def report(step: int, measured: Mapping[str, float]) -> None:
        value = measured.get(search.objectives[0].name)
        if single and value is not None:
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned

    try:
        values = trials.run(chosen, search.name, report)
    except optuna.TrialPruned:
        trial.set_user_attr(SECONDS, time.monotonic() - started)
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    except (MlopsError, ValueError, RuntimeError, MemoryError) as error:
        said = error.problems[0].detail if isinstance(error, MlopsError) else f"{type(error).__name__}: {error}"
        trial.set_user_attr(SECONDS, time.monotonic() - started)
        trial.set_user_attr(REASON, said[:500])
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        trial.set_user_attr(SECONDS, time.monotonic() - started)
        study.tell(trial, values)
    _say_so_far(search, study)


def _say_so_far(search: Search, study: optuna.Study) -> None:
    ended = finished(study)
    best = best_of(ended, search.objectives)
    words = f", best {search.objectives[0].name} {best.values[0]:.4g}" if best else ""
    say(f"trial {len(ended)} of {search.tune.trials}{words}", min(0.99, len(ended) / search.tune.trials))


@contextmanager
def _alone(search: Search) -> Iterator[None]:
    """Hold the right to choose a trial."""
    with search.file.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _work_side_by_side(search: Search) -> None:
    """Run the workers as processes; one that is killed is replaced, and what it was at is tried again."""
    command = [sys.executable, "-m", "mlops.workloads.tuning.tune", search.name]
    workers: list[subprocess.Popen[bytes]] = []
    deaths = 0
    try:
        workers = [subprocess.Popen(command, cwd=search.root) for _ in range(search.tune.parallel)]
        while workers:
            time.sleep(0.1)
            for worker in list(workers):
                code = worker.poll()
                if code is None:
                    continue
                workers.remove(worker)
                if code:
                    deaths += 1
                    if deaths > 3 * search.tune.parallel:
                        raise failed(
                            "workers end", f"{deaths} workers of the search ended with an error; see the log above."
                        )
                    _clear_of(search, worker.pid)
                    workers.append(subprocess.Popen(command, cwd=search.root))
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait()


def _clear_of(search: Search, pid: int) -> None:
    """End the trial that a worker left behind."""
    study = search.study()
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        if trial.user_attrs.get(WORKER) == pid:
            study._storage.set_trial_user_attr(trial._trial_id, REASON, INTERRUPTED)
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)


if __name__ == "__main__":
    from mlops.workloads.parent_death import die_with_parent

    die_with_parent()
    sys.path.insert(1, str(Path.cwd()))
    work(Search.of(sys.argv[1], Path()))
