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
from mlops.workloads.tuning.source import BegunTrial, StudySource, TrialResult, TrialSource
from mlops.workloads.tuning.study import WORKER, cut_off, finished
from mlops.workloads.tuning.trial import Trials, data_for

LOG = "tuning.log"
"""The file of lines for people beside the trials."""
_FIRST = "first.json"


def work(search: Search, source: TrialSource, record: Callable[[], None]) -> str:
    """Run trials until there are no more; return why. `record`: is called after each."""
    trials = Trials(
        search.inputs, search.tune, search.objectives, data_for(Model.model_validate(search.inputs), search.root)
    )
    while not isinstance(begun := source.next(), str):
        line, share = _run(search, trials, begun)
        say(line, share)
        _write_line(search, line)
        record()
    return begun


def _run(search: Search, trials: Trials, begun: BegunTrial) -> tuple[str, float]:
    started = time.monotonic()

    def report(step: int, measured: Mapping[str, float]) -> None:
        if begun.is_hopeless(step, measured):
            raise optuna.TrialPruned

    values, reason = None, None
    try:
        values = trials.run(begun.chosen, search.name, report)
    except optuna.TrialPruned:
        pass
    except Exception as error:
        said = error.problems[0].detail if isinstance(error, MlopsError) else f"{type(error).__name__}: {error}"
        reason = said[:500]
    return begun.end(TrialResult(time.monotonic() - started, values, reason))


def _write_line(search: Search, line: str) -> None:
    search.folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with (search.folder / LOG).open("a", encoding="utf-8") as file:
        file.write(f"{now} {line}\n")


def work_side_by_side(search: Search, first: Sequence[Mapping[str, Any]], record: Callable[[], None]) -> str:
    """Run the workers as processes; one that is killed is replaced, and its trial is tried again. Raises MlopsError where they
    die one after the other, and no trial ends between."""
    (search.folder / _FIRST).write_text(json.dumps(list(first)))
    command = [sys.executable, "-m", "mlops.workloads.tuning.work", search.name, str(os.getpid())]
    workers: list[subprocess.Popen[bytes]] = []
    deaths, ended = 0, 0
    """Deaths since a trial ended."""
    try:
        workers = [subprocess.Popen(command, cwd=search.root) for _ in range(search.tune.parallel)]
        while workers:
            time.sleep(0.05)
            record()
            for worker in [one for one in workers if one.poll() is not None]:
                workers.remove(worker)
                if worker.returncode:
                    _clear_of(search, worker.pid)
                    before, ended = ended, len(finished(search.study()))
                    deaths = deaths + 1 if ended == before else 1
                    if deaths > 3 * search.tune.parallel:
                        text = f"{deaths} workers of the search died, and no trial ended between; see the log above."
                        raise failed("workers end", text)
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
    work(search, StudySource(search, json.loads((search.folder / _FIRST).read_text())), lambda: None)


if __name__ == "__main__":
    main()
