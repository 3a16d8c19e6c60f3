"""Run trials.

Lives here: work, what one worker does; work_side_by_side, several of them as processes; and the program that is one of these.
Not here: what is done with what they found (tune).
Law: no trial is run twice, and none is lost with the process that ran it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna

from mlops.config.schema.model import Model
from mlops.errors import MlopsError
from mlops.workloads.parent_death import die_with_parent
from mlops.workloads.stage import failed, say
from mlops.workloads.tuning.search import Search
from mlops.workloads.tuning.storage import locked
from mlops.workloads.tuning.study import REASON, SECONDS, WORKER, counts, cut_off, finished, next_trial
from mlops.workloads.tuning.trial import Trials, data_for

LOG = "tuning.log"
"""The file of lines for people beside the trials."""
_ALL_RUNGS, _RUNGS_AN_OCTAVE = 16, 8
_FIRST = "first.json"


def work(search: Search, first: Sequence[Mapping[str, Any]], record: Callable[[], None]) -> str:
    """Run trials until there are enough, the budget is spent, or a grid has no more; return which. `first`: values to begin with.
    `record`: is called after each."""
    trials = Trials(
        search.inputs, search.tune, search.objectives, data_for(Model.model_validate(search.inputs), search.root)
    )
    study = search.study()
    while True:
        with locked(search.file.with_suffix(".choice")):
            begun = [one for one in study.get_trials(deepcopy=False) if counts(one)]
            if len(begun) >= search.tune.trials:
                return "trials"
            if search.is_spent(begun):
                return "budget"
            found = next_trial(study, search.tune, first)
        if found is None:
            return "space"
        _run(search, study, trials, found)
        _say_so_far(search, study)
        record()


def _run(search: Search, study: optuna.Study, trials: Trials, begun: tuple[optuna.Trial, dict[str, Any]]) -> None:
    trial, chosen = begun
    started = time.monotonic()
    ended: dict[str, Any]
    try:
        found = trials.run(chosen, search.name, _report_to(search, trial))
        count = len(search.objectives)
        for text, bound, value in zip(search.tune.limits, search.tune.bounds, found[count:], strict=True):
            trial.set_constraint(text, bound.excess(value))
        ended = {"values": found[:count]}
    except optuna.TrialPruned:
        ended = {"state": optuna.trial.TrialState.PRUNED}
    except Exception as error:
        said = error.problems[0].detail if isinstance(error, MlopsError) else f"{type(error).__name__}: {error}"
        trial.set_user_attr(REASON, said[:500])
        ended = {"state": optuna.trial.TrialState.FAIL}
    trial.set_user_attr(SECONDS, time.monotonic() - started)
    study.tell(trial, **ended)


def _report_to(search: Search, trial: optuna.Trial) -> Callable[[int, Mapping[str, float]], None]:
    """Return what takes the values on the way of a trial, and ends it where it promises little."""
    name = search.objectives[0].name
    prunes = search.tune.prune != "none" and len(search.objectives) == 1

    def report(step: int, measured: Mapping[str, float]) -> None:
        if prunes and name in measured and _is_rung(step):
            trial.report(measured[name], step)
            if trial.should_prune():
                raise optuna.TrialPruned

    return report


def _is_rung(step: int) -> bool:
    """Say whether values are compared at this step: at each of the first, then at some between a number and its double."""
    return step <= _ALL_RUNGS or step % (2 ** (step.bit_length() - 1) // _RUNGS_AN_OCTAVE) == 0


def _say_so_far(search: Search, study: optuna.Study) -> None:
    line, share = search.so_far(study)
    say(line, share)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with (search.folder / LOG).open("a", encoding="utf-8") as file:
        file.write(f"{now} {line}\n")


def work_side_by_side(search: Search, first: Sequence[Mapping[str, Any]], record: Callable[[], None]) -> str:
    """Run the workers as processes; one that is killed is replaced, and its trial is tried again. Raises MlopsError where they
    die one after the other."""
    (search.folder / _FIRST).write_text(json.dumps(list(first)))
    command = [sys.executable, "-m", "mlops.workloads.tuning.work", search.name, str(os.getpid())]
    workers: list[subprocess.Popen[bytes]] = []
    deaths = 0
    try:
        workers = [subprocess.Popen(command, cwd=search.root) for _ in range(search.tune.parallel)]
        while workers:
            time.sleep(0.05)
            record()
            for worker in [one for one in workers if one.poll() is not None]:
                workers.remove(worker)
                if worker.returncode:
                    deaths += 1
                    if deaths > 3 * search.tune.parallel:
                        raise failed("workers end", f"{deaths} workers of the search died; see the log above.")
                    _clear_of(search, worker.pid)
                    workers.append(subprocess.Popen(command, cwd=search.root))
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.wait()
    trials = finished(search.study())
    if len(trials) >= search.tune.trials:
        return "trials"
    return "budget" if search.is_spent(trials) else "space"


def _clear_of(search: Search, pid: int) -> None:
    """End the trial that a worker left behind."""
    study = search.study()
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        if trial.user_attrs.get(WORKER) == pid:
            cut_off(study, trial)


def main() -> None:
    die_with_parent(signal.SIGKILL)
    if os.getppid() != int(sys.argv[2]):  # it was killed while this process began
        sys.exit(143)
    sys.path.insert(1, str(Path.cwd()))
    search = Search.of(sys.argv[1], Path())
    work(search, json.loads((search.folder / _FIRST).read_text()), lambda: None)


if __name__ == "__main__":
    main()
