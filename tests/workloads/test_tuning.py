"""A search finds the same values however often it is killed, and loses and doubles no trial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlops.config.schema.tuning import Tune
from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.training.train import train
from mlops.workloads.tuning import trial as trials
from mlops.workloads.tuning.study import next_trial, open_study
from mlops.workloads.tuning.tune import tune

TREES = {"name": "boosted_trees", "trees": 4}
SPACE = {"architecture.leaves": {"log_int": [2, 16]}, "architecture.learning_rate": {"log": [0.01, 0.5]}}


@pytest.fixture
def tuned(project: Path) -> Path:
    prepare("rows")
    return project


def say_search(root: Path, **fields: Any) -> None:
    said = {"space": SPACE, "trials": 5, **fields}
    model = {"dataset": "rows", "task": "binary", "architecture": TREES}
    asked = {"tune": said, "dataset": "rows", "task": "binary", "code": {}}
    params = {
        "train": {**model, "code": {}},
        "tune": asked,
        "evaluate": {"slices": [], "code": {}},
        "export": {"code": {}},
    }
    (root / "params/model").mkdir(parents=True, exist_ok=True)
    (root / "params/model/late.json").write_text(json.dumps(params))


def ledger(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "tuning/model/late.json").read_text())
    for one in found["trials"]:
        assert one.pop("seconds") >= 0
    return found


def search_anew(root: Path) -> dict[str, Any]:
    """Search without what the ledger says."""
    (root / "tuning/model/late.json").unlink(missing_ok=True)
    tune("late")
    return ledger(root)


def test_one_worker_and_a_seed_try_the_same_in_every_run(tuned: Path) -> None:
    say_search(tuned, trials=13)  # more than the trials that are drawn before any is learned from
    first = search_anew(tuned)
    assert search_anew(tuned) == first
    assert [one["number"] for one in first["trials"]] == list(range(13))
    assert first["ended"] == "trials"
    best = max(first["trials"], key=lambda one: one["measured"]["val_auc"])
    assert first["chosen"] == best["values"] == first["trials"][first["best"]]["values"]
    say_search(tuned, trials=13, seed=8)
    assert search_anew(tuned)["trials"] != first["trials"]


KILLS = """
import os, random, signal, sys, time
from pathlib import Path
from mlops.workloads.tuning.tune import tune
import mlops.workloads.training.families.boosted_trees
chance, seconds, killed, done = random.Random(3), float(sys.argv[1]), 0, 0
while killed < 20 or not done:
    child = os.fork()
    if not child:
        sys.stdout = open(os.devnull, "w")
        tune("late")
        os._exit(0)
    time.sleep(chance.uniform(0, seconds))
    os.kill(child, signal.SIGKILL)
    if os.waitpid(child, 0)[1]:
        killed += 1
    else:
        done += 1
        print(Path("tuning/model/late.json").read_text().replace("\\n", " "), flush=True)
        Path("tuning/model/late.json").unlink()
"""


def test_search_that_was_killed_ends_as_one_that_was_not(tuned: Path) -> None:
    say_search(tuned, trials=13, prune="asha")
    search_anew(tuned)
    started = time.monotonic()
    undisturbed = search_anew(tuned)
    took = time.monotonic() - started
    (tuned / "tuning/model/late.json").unlink()
    ran = subprocess.run([sys.executable, "-c", KILLS, str(took)], stdout=subprocess.PIPE, text=True, check=True)
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert found
    for one in found:
        for trial in one["trials"]:
            del trial["seconds"]
        assert one == undisturbed


def test_training_takes_the_chosen_values(tuned: Path) -> None:
    say_search(
        tuned,
        space={"architecture": [{"name": "linear"}, {"name": "random_forest", "trees": {"choice": [3]}}]},
        search="grid",
    )
    tune("late")
    chosen = json.loads((tuned / "models/late/tune/chosen.json").read_text())["architecture"]
    train("late")
    written = json.loads((tuned / "models/late/train/network.json").read_text())
    assert written["architecture"]["name"] == chosen["name"]
    assert [one["values"]["architecture"]["name"] for one in ledger(tuned)["trials"]] == ["linear", "random_forest"]


def test_trials_that_fail_are_kept_with_their_reason(tuned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = trials.Trials.run

    def run(self: trials.Trials, chosen: dict[str, Any], name: str, report: trials.Report) -> list[float]:
        if chosen["architecture.leaves"] > 4:
            raise MlopsError.of("too big", "It has too many leaves.")
        return learn(self, chosen, name, report)

    monkeypatch.setattr(trials.Trials, "run", run)
    say_search(tuned, search="grid", space={"architecture.leaves": {"step": [2, 6, 2]}})
    tune("late")
    assert [one["state"] for one in ledger(tuned)["trials"]] == ["done", "done", "failed"]
    assert ledger(tuned)["trials"][2]["reason"] == "It has too many leaves."
    say_search(tuned, search="grid", space={"architecture.leaves": {"choice": [8]}})
    with pytest.raises(MlopsError, match="Each of 1 trials failed: It has too many leaves"):
        tune("late")


@pytest.mark.parametrize("search", ["random", "gp", "cma_es"])
def test_every_search_stays_within_the_space(tuned: Path, search: str) -> None:
    say_search(tuned, search=search, trials=4)
    tune("late")
    for one in ledger(tuned)["trials"]:
        assert 2 <= one["values"]["architecture.leaves"] <= 16
        assert 0.01 <= one["values"]["architecture.learning_rate"] <= 0.5


def test_folds_measure_rows_of_the_train_split_and_size_counts_bytes(tuned: Path) -> None:
    say_search(tuned, trials=2, folds=3, objective={"val_auc": "max", "size": "min"})
    tune("late")
    found = ledger(tuned)
    assert found["objectives"] == {"val_auc": "max", "size": "min"}
    assert all(one["measured"]["size"] > 100 for one in found["trials"])
    folded = [one["measured"]["val_auc"] for one in found["trials"]]
    say_search(tuned, trials=2)
    tune("late")
    assert [one["measured"]["val_auc"] for one in ledger(tuned)["trials"]] != folded


def test_budget_ends_a_search_after_the_trial_that_spends_it(tuned: Path) -> None:
    say_search(tuned, trials=50, budget=0.001)
    tune("late")
    assert len(ledger(tuned)["trials"]) == 1


def test_trials_that_promise_little_are_ended_early(tuned: Path) -> None:
    say_search(tuned, trials=12, prune="median", space={"architecture.learning_rate": {"log": [1e-5, 0.5]}})
    tune("late")
    found = [one for one in ledger(tuned)["trials"] if one["state"] == "ended early"]
    assert found
    assert all(one["rungs"] and "measured" not in one for one in found)


def test_workers_side_by_side_lose_and_double_no_trial(tuned: Path) -> None:
    say_search(tuned, trials=6, parallel=2, search="random")
    search = subprocess.Popen([sys.executable, "-c", "from mlops.workloads.tuning.tune import tune; tune('late')"])
    killed = False
    while search.poll() is None:
        workers = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_worker(path, search.pid)]
        if workers and not killed and list(tuned.glob(".mlops/tuning/late/*.journal")):
            time.sleep(2.5)
            os.kill(workers[0], signal.SIGKILL)
            killed = True
        time.sleep(0.1)
    assert search.returncode == 0
    assert killed
    found = ledger(tuned)["trials"]
    assert len(found) == 6
    assert len({json.dumps(one["values"]) for one in found}) == 6


def _is_worker(process: Path, parent: int) -> bool:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1]) == parent
    except (OSError, ValueError):
        return False


def test_grid_ends_where_every_combination_was_tried(tmp_path: Path) -> None:
    asked = Tune.model_validate(
        {"search": "grid", "space": {"trainer.seed": {"int": [1, 3]}, "optimizer.lr": {"choice": [0.1, 0.2]}}}
    )
    study = open_study(tmp_path / "journal", asked, ["maximize"])
    found = []
    while chosen := next_trial(study, asked):
        study.tell(chosen[0], 1.0)
        found.append(tuple(chosen[1].values()))
    assert found == [(seed, lr) for seed in (1, 2, 3) for lr in (0.1, 0.2)]
