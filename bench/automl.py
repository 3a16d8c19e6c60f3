"""How good `architecture: auto` is within its budget.

Lives here: the tables of `quality`; auto, beside the best of three that anybody would try first, and beside FLAML with the same time.
Not here: the tables and the first two peers (quality), FLAML itself, which needs an environment of its own (peer_flaml).
Law: all learn from the same train split and are measured on the same test split; a peer that is not there is named so.

`FLAML_PYTHON` names an interpreter that has flaml[automl]; `MLOPS_BENCH_SECONDS` is the budget of both, `MLOPS_BENCH_SPLITS` how often
a small table is split, `MLOPS_BENCH_TABLES` a list of tables instead of all.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from bench.command import ROOT
from bench.quality import SMALL, TABLES, fitted_by_peers, learned_by_auto, predicted_by, prepared, score
from mlops.metrics.task import Task
from mlops.workloads.stage import PROGRESS
from mlops.workloads.training.data import PreparedData

WORSE, ENOUGH = 0.01, 8
SECONDS = float(os.environ.get("MLOPS_BENCH_SECONDS", "60"))
SPLITS = int(os.environ.get("MLOPS_BENCH_SPLITS", "5"))
FLIGHTS = "flights"


def rows(repeat: int) -> list[dict[str, Any]]:
    """Measure each once. `repeat` is not used: small tables are split several times."""
    os.environ[PROGRESS] = os.devnull
    warnings.simplefilter("ignore")
    wanted = [name for name in os.environ.get("MLOPS_BENCH_TABLES", "").split(",") if name]
    found = [_row(name, _scores(name)) for name in wanted or [*(name for name, *_ in TABLES), FLIGHTS]]
    best = sum(row["ratio"] >= 0 for row in found)
    enough = ENOUGH if len(found) >= 10 else None  # of a part of the tables, nothing is promised
    return [
        *found,
        {"name": f"auto: tables of {len(found)} on which it is at least the best of the three", "ours": best, "peer": len(found),
         "ratio": float(best), "budget": enough, "holds": None if enough is None else best >= enough},
    ]  # fmt: skip


def _row(name: str, scores: Mapping[str, float]) -> dict[str, Any]:
    three = {peer: scores[peer] for peer in ("linear", "HistGradientBoosting", "LightGBM")}
    peer, best = max(three.items(), key=lambda pair: pair[1])
    flaml = f"{scores['FLAML']:.4f}" if "FLAML" in scores else "not here (FLAML_PYTHON)"
    words = ", ".join(f"{one} {value:.4f}" for one, value in three.items())
    return {"name": f"auto, {name}, {scores['seconds']:.0f} s of {SECONDS:.0f} (peer: {peer}); {words}; FLAML {flaml}",
            "ours": scores["auto"], "peer": best, "ratio": scores["auto"] - best, "budget": -WORSE,
            "holds": scores["auto"] - best >= -WORSE}  # fmt: skip


def _scores(name: str) -> Mapping[str, float]:
    """Return the means over splits of what each reaches, and the seconds of auto."""
    if name == FLIGHTS:
        return _of_splits(Task.BINARY, PreparedData.open("flights", ROOT))
    task, frame = next((task, frame()) for known, task, frame in TABLES if known == name)
    found: list[Mapping[str, float]] = []
    for seed in range(SPLITS if len(frame) < SMALL else 1):
        with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
            found.append(_of_splits(task, prepared(Path(folder), frame, seed)))
    return {one: float(np.mean([scores[one] for scores in found])) for one in found[0]}


def _of_splits(task: Task, data: PreparedData) -> dict[str, float]:
    started = time.perf_counter()
    auto = learned_by_auto(task, data, budget=SECONDS)
    seconds = time.perf_counter() - started
    peers = fitted_by_peers(task, data)
    boosted: Any = lightgbm.LGBMRegressor if task is Task.REGRESSION else lightgbm.LGBMClassifier
    model = boosted(verbose=-1, random_state=7).fit(
        peers.codes["train"],
        peers.y["train"],
        categorical_feature=[at for at, is_code in enumerate(peers.is_code) if is_code],
    )
    found = {
        "auto": auto, "seconds": seconds, "linear": peers.linear, "HistGradientBoosting": peers.boosted,
        "LightGBM": score(task, peers.y["test"], predicted_by(task, model, peers.codes["test"])),
    }  # fmt: skip
    if interpreter := os.environ.get("FLAML_PYTHON"):
        found["FLAML"] = _by_flaml(interpreter, task, data, peers.y["test"])
    return found


def _by_flaml(interpreter: str, task: Task, data: PreparedData, truth: Any) -> float:
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        for split in ("train", "test"):
            frame = data.raw(split).select(list(data.types)).to_pandas()
            frame.assign(label=data.labels(split)).to_parquet(f"{folder}/{split}.parquet")
        script = str(Path(__file__).with_name("peer_flaml.py"))
        subprocess.run(
            [interpreter, script, folder, str(task), str(SECONDS)], check=True, capture_output=True, text=True
        )
        predicted = np.load(Path(folder) / "predictions.npy")
    return score(task, truth, predicted[:, 1] if task is Task.BINARY else predicted)


if __name__ == "__main__":
    from bench.__main__ import table

    print(table(rows(1)))
