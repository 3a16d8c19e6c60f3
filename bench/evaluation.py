"""How long evaluating takes.

Lives here: the whole of an evaluation, beside the same one without intervals.
Not here: training.
Law: the same model, rows and slices; turn by turn, one thread; a prepared data set of the benchmark's own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from mlops.contracts.stage_params import EvaluateParams
from mlops.workloads.data.prepare import prepare
from mlops.workloads.metrics.weighted import Array
from mlops.workloads.stage import PROGRESS
from mlops.workloads.training.evaluate import Evaluated, analysed, measured
from mlops.workloads.training.evaluation.slices import Measuring
from mlops.workloads.training.train import train

ROWS = 400_000
"""A fifth of them is the test split: as many as flights has."""
AT_MOST = 2.0
PARAMS = EvaluateParams(slices=("color",))


class _WithoutIntervals(Measuring):
    def intervals(self, truth: Array, predicted: Array, values: Mapping[str, float]) -> dict[str, list[float]]:
        return {}


def rows(repeat: int) -> list[dict[str, Any]]:
    os.environ[PROGRESS] = os.devnull
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder, contextlib.chdir(folder):
        make_model(Path(), ROWS)
        taken: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(max(2, repeat) + 1):
            for is_sure, seconds in taken.items():
                took = evaluation_seconds(is_sure=is_sure)
                if turn:
                    seconds.append(took)
    ours, peer = statistics.median(taken[True]), statistics.median(taken[False])
    return [
        {"name": f"evaluate {ROWS // 5:,} rows with intervals, s (peer: without)", "ours": ours, "peer": peer,
         "ratio": ours / peer, "budget": AT_MOST, "holds": ours / peer <= AT_MOST},
    ]  # fmt: skip


def evaluation_seconds(*, is_sure: bool) -> float:
    """Return how long an evaluation of the model `m` takes here, with its intervals or without."""
    with threadpool_limits(limits=1):
        return _seconds(is_sure=is_sure)


def _seconds(*, is_sure: bool) -> float:
    started = time.perf_counter()
    evaluated = Evaluated.of("m", PARAMS, Path())
    if not is_sure:
        own = evaluated.measuring
        evaluated = replace(evaluated, measuring=_WithoutIntervals(own.task, own.threshold, own.own))
    measured(evaluated, PARAMS)
    analysed(evaluated)
    return time.perf_counter() - started


def make_model(root: Path, count: int) -> None:
    """Write a data set and a linear model of it, and train it."""
    chance = np.random.default_rng(3)
    numbers = {f"n{place}": chance.normal(0, 1, count) for place in range(6)}
    color = chance.choice(["red", "green", "blue", "black"], count)
    odds = numbers["n0"] - numbers["n1"] * numbers["n2"] + (color == "red") - 1
    late = chance.random(count) < 1 / (1 + np.exp(-odds))
    pq.write_table(pa.table({**numbers, "color": color, "late": late}), root / "rows.parquet")
    pinned = hashlib.md5((root / "rows.parquet").read_bytes(), usedforsecurity=False).hexdigest()
    data = {
        "sources": {"rows": {"uri": "rows.parquet"}}, "label": "late",
        "features": {"numeric": list(numbers), "categorical": ["color"]},
        "split": {"by": "random", "val": "10%", "test": "20%"}, "fingerprint": {"rows": pinned}, "code": "",
    }  # fmt: skip
    model = {
        "train": {"dataset": "rows", "task": "binary", "architecture": {"name": "linear"}, "trainer": {"max_epochs": 1}, "code": ""},
        "evaluate": {"slices": ["color"], "code": ""}, "export": {"code": ""},
    }  # fmt: skip
    for path, sections in (("dataset/rows", {"prepare": data}), ("model/m", model)):
        (root / f"params/{path}.json").parent.mkdir(parents=True)
        (root / f"params/{path}.json").write_text(json.dumps(sections))
    prepare("rows")
    train("m")
