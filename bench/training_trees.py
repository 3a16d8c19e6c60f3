"""How long boosted trees take.

Lives here: our family beside LightGBM called directly.
Not here: networks (training).
Law: the same rows, codes, parameters and validation for both; turn by turn, one thread.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from bench.command import ROOT
from mlops.config.schema.families.boosted_trees import BoostedTrees
from mlops.config.schema.model import Model
from mlops.metrics.task import Task
from mlops.workloads.features.graph import Graph
from mlops.workloads.training.data import PreparedData, targets
from mlops.workloads.training.families.boosted_trees import BoostedTreesFamily
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.family import Examples, Fit
from mlops.workloads.training.run_log import RunLog

TREES, AT_MOST = 200, 1.05
SPEC = Model.model_validate(
    {
        "dataset": "flights",
        "task": "binary",
        "architecture": {"name": "boosted_trees", "trees": TREES, "patience": None},
    }
)


def tree_rows(repeat: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        fit = _flights(Path(folder))
        turns: dict[str, Callable[[], None]] = {
            "ours": lambda: _ours(fit, Path(folder)), "library": lambda: _library(fit)
        }  # fmt: skip
        taken: dict[str, list[float]] = {name: [] for name in turns}
        for turn in range(max(2, repeat) + 1):
            for name, work in turns.items():
                started = time.perf_counter()
                work()
                if turn:
                    taken[name].append(time.perf_counter() - started)
    ours, library = (statistics.median(taken[name]) for name in turns)
    return [
        {"name": f"grow {TREES} boosted trees on {len(fit.train.y):,} rows, s (peer: LightGBM called directly)", "ours": ours,
         "peer": library, "ratio": ours / library, "budget": AT_MOST, "holds": ours / library <= AT_MOST},
    ]  # fmt: skip


def _flights(folder: Path) -> Fit:
    data = PreparedData.open("flights", ROOT)
    encoded = BoostedTreesFamily().encode(SPEC, data)
    splits, transform = {}, Graph(encoded.graph.SerializeToString())
    for split in ("train", "val"):
        y = targets(Task.BINARY, data.labels(split), [False, True])
        splits[split] = Examples(transform(data.columns(split)), y)
    checkpoint = Checkpoint(folder / "checkpoint", lambda: b"bench")
    return Fit(SPEC, splits["train"], splits["val"], [False, True], encoded.columns, checkpoint)


def _ours(fit: Fit, folder: Path) -> None:
    """With what it notes of each tree."""
    family = BoostedTreesFamily()
    family.begin(SPEC, "m")
    family.fit(
        Fit(fit.spec, fit.train, fit.val, fit.classes, fit.columns, fit.checkpoint, log=RunLog.begin(folder, "m"))
    )


def _library(fit: Fit) -> None:
    trees = SPEC.architecture
    assert isinstance(trees, BoostedTrees)
    params = {
        "objective": "binary", "metric": ["auc", "binary_logloss"], "seed": 0, "num_threads": 1, "deterministic": True,
        "force_row_wise": True, "verbosity": -1, "min_data_in_leaf": 20, "learning_rate": trees.learning_rate,
        "num_leaves": trees.leaves,
    }  # fmt: skip
    codes = [place for place, column in enumerate(fit.columns) if column.codes]
    train = lightgbm.Dataset(fit.train.x, fit.train.y, categorical_feature=codes)
    val = lightgbm.Dataset(fit.val.x, fit.val.y, reference=train, categorical_feature=codes)
    booster = lightgbm.train(params, train, TREES, valid_sets=[val])
    np.asarray(booster.feature_importance("gain"))
    json.dumps(booster.model_to_string())
