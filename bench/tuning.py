"""How long a search takes.

Lives here: the stage `tune` beside Optuna driving the same training in a plain script.
Not here: how long one training takes (training).
Law: the same sampler, seed, space, rows and family for both; the script keeps nothing of its trials but the best.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
import pyarrow.parquet as pq

from bench.command import ROOT
from mlops.config.schema.model import Model
from mlops.metrics.table import metric_named
from mlops.workloads.metrics.measure import compute
from mlops.workloads.stage import PROGRESS
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.family import Fit, family_named
from mlops.workloads.training.train import Learned
from mlops.workloads.tuning.tune import tune

TRIALS, SHORT_TRIALS = int(os.environ.get("MLOPS_BENCH_TRIALS", "50")), 200
AT_MOST, OVERHEAD = 1.1, 0.050
_SMALL_ROWS = 400
MLP: Mapping[str, Any] = {
    "architecture": {"name": "mlp", "hidden": [128, 64]},
    "optimizer": {"name": "adamw", "weight_decay": 0.1, "schedule": "one_cycle"},
    "trainer": {"max_epochs": 1, "batch_size": 1024},
}
TREES: Mapping[str, Any] = {"architecture": {"name": "boosted_trees", "trees": 2}}
MLP_SPACE = {"optimizer.lr": {"log": [1e-4, 1e-2]}, "architecture.dropout": {"range": [0.0, 0.5]}}
TREES_SPACE = {"architecture.leaves": {"log_int": [2, 64]}, "architecture.learning_rate": {"log": [0.01, 0.5]}}


def rows(repeat: int) -> list[dict[str, Any]]:
    """Measure each once, after a search of two trials that loads what is loaded once. `repeat` is not used: 50 trials are."""
    os.environ[PROGRESS] = os.devnull
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    optuna.logging.set_verbosity(logging.ERROR)
    ours, peer, best, peers = _both("flights", MLP, MLP_SPACE, TRIALS)
    short, plain, *_ = _both("small", TREES, TREES_SPACE, SHORT_TRIALS)
    each = (short - plain) / SHORT_TRIALS
    return [
        {"name": f"search by {TRIALS} trials of the flights MLP, s (peer: Optuna in a script); val_auc {best:.4f}, peer {peers:.4f}",
         "ours": ours, "peer": peer, "ratio": ours / peer, "budget": AT_MOST, "holds": ours / peer <= AT_MOST},
        {"name": f"a trial more than its training, of {SHORT_TRIALS}, s (peer: what Optuna alone takes for one)", "ours": each,
         "peer": plain / SHORT_TRIALS, "ratio": None, "budget": OVERHEAD, "holds": each <= OVERHEAD},
    ]  # fmt: skip


def _both(dataset: str, model: Mapping[str, Any], space: Mapping[str, Any], trials: int) -> tuple[float, ...]:
    """Return the seconds of the stage and of the script, and the best value of each."""
    with _project(dataset) as root:
        said = {"dataset": dataset, "task": "binary", **model}
        _stage(root, said, space, 2)
        _script(said, space, 2)
        started = time.perf_counter()
        best = _stage(root, said, space, trials)
        between = time.perf_counter()
        peers = _script(said, space, trials)
        return between - started, time.perf_counter() - between, best, peers


@contextlib.contextmanager
def _project(dataset: str) -> Iterator[Path]:
    """Make a folder with the prepared flights of the checkout, or some rows of them, and stand in it."""
    flights = ROOT / "data" / "flights"
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder, contextlib.chdir(folder):
        data = Path(folder) / "data"
        data.mkdir()
        if dataset == "flights":
            (data / dataset).symlink_to(flights)
        else:
            (data / dataset).mkdir()
            (data / dataset / "schema.json").write_bytes((flights / "schema.json").read_bytes())
            for split in ("train", "val"):
                pq.write_table(
                    pq.read_table(flights / f"{split}.parquet")[:_SMALL_ROWS], data / dataset / f"{split}.parquet"
                )
        yield Path(folder)


def _stage(root: Path, said: Mapping[str, Any], space: Mapping[str, Any], trials: int) -> float:
    asked = {"tune": {"space": space, "trials": trials}, "dataset": said["dataset"], "task": "binary", "code": {}}
    params = {"train": {**said, "code": {}}, "tune": asked}
    (root / "params/model").mkdir(parents=True, exist_ok=True)
    (root / "params/model/m.json").write_text(json.dumps(params))
    ledger = root / "tuning/model/m.json"
    ledger.unlink(missing_ok=True)
    tune("m", root=root)
    found = json.loads(ledger.read_text())
    assert len(found["trials"]) == trials
    return max(one["measured"]["val_auc"] for one in found["trials"])


def _script(said: Mapping[str, Any], space: Mapping[str, Any], trials: int) -> float:
    """What somebody writes who has the family and Optuna."""
    data = PreparedData.open(said["dataset"])
    family = family_named(said["architecture"]["name"])
    learned = Learned.of(Model.model_validate(said), family, data, ("train", "val"))
    train, val = learned.examples["train"], learned.examples["val"]

    def objective(trial: optuna.Trial) -> float:
        chosen = json.loads(json.dumps(said))
        for path, one in space.items():
            (kind, (low, high)), (section, name) = next(iter(one.items())), path.split(".")
            suggest = trial.suggest_int if kind == "log_int" else trial.suggest_float
            chosen.setdefault(section, {})[name] = suggest(path, low, high, log=kind != "range")
        spec = Model.model_validate(chosen)
        family.begin(spec, "m")
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Checkpoint(Path(folder) / "c", lambda: b"")
            fitted = family.fit(Fit(spec, train, val, learned.classes, learned.encoded.columns, checkpoint))
        assert fitted is not None
        return compute(metric_named("auc"), val.measured, fitted.predict(val.x))

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=7, multivariate=True, group=True)
    )
    study.optimize(objective, n_trials=trials)
    return study.best_value


if __name__ == "__main__":
    from bench.__main__ import table

    print(table(rows(1)))
