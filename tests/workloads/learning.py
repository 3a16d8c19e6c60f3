"""A table in memory, and a family that learns from it, for tests of training without files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mlops.config.schema.model import Model
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.family import Examples, Fit, Fitted, family_named

MLP = {"name": "mlp", "hidden": [16], "dropout": 0.0}


def examples(task: str, count: int, *, seed: int = 1) -> Examples:
    """Return rows of four columns whose label follows from the first two; a number is around 1,000, in steps of 200."""
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(count, 4)).astype(np.float32)
    score = x[:, 0] - x[:, 1] + 0.3 * chance.normal(size=count)
    match task:
        case "binary":
            y = (score > 0).astype(np.float32)
        case "multiclass":
            y = np.digitize(score, [-0.7, 0.7]).astype(np.int64)
        case _:
            y = (1_000 + 200 * score).astype(np.float32)
    return Examples(x, y)


def fit_of(tmp_path: Path, task: str = "binary", *, rows: int = 200, **fields: Any) -> Fit:
    spec = Model.model_validate({"dataset": "d", "task": task, "architecture": MLP, **fields})
    classes = {"binary": [False, True], "multiclass": ["a", "b", "c"]}.get(task, [])
    checkpoint = Checkpoint(tmp_path / "checkpoints/m", lambda: b"one")
    return Fit(spec, examples(task, rows), examples(task, 80, seed=2), classes, checkpoint)


def learn_from(fit: Fit) -> Fitted:
    family = family_named(fit.spec.architecture.name)
    family.begin(fit.spec, "m")
    fitted = family.fit(fit)
    assert fitted is not None
    fit.checkpoint.clear()
    return fitted


def weights_of(fitted: Fitted) -> list[np.ndarray[Any, Any]]:
    return [value.numpy() for value in fitted._predictor.network.state_dict().values()]  # type: ignore[attr-defined]
