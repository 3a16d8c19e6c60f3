"""Choose how a new model is trained.

Lives here: propose_training, the one place that says which family and which settings a new project gets, and gates_of.
Not here: the defaults of fields (config.schema), which never change; training (workloads).
Law: every value that matters is written into the YAML, so that a later version of the tool changes no project.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mlops.contracts.survey import FirstLook

_SMALL = 20_000
_BALANCED = 0.2


@dataclass(frozen=True)
class Training:
    """Sections of a model, each with the reason that stands beside it."""

    architecture: dict[str, Any]
    architecture_why: str
    loss: dict[str, Any]
    loss_why: str
    optimizer: dict[str, Any]
    trainer: dict[str, Any]
    trainer_why: str


def propose_training(task: str, rows: int, share: float | None) -> Training:
    """Return how a model learns. `rows`: of the train split, about. `share`: of the rarer class of two."""
    small = rows < _SMALL
    loss, loss_why = _loss(task, share)
    if small:
        batch = min(256, 2 ** max(4, math.ceil(math.log2(max(16, rows) / 4))))
        epochs = max(20, min(200, math.ceil(1500 * batch / max(rows, 1))))
        return Training(
            {"name": "linear"}, f"{rows:,} rows to learn from: few parameters generalise best", loss, loss_why,
            {"name": "adamw", "lr": 0.03, "weight_decay": 0.1, "schedule": "one_cycle"},
            {"max_epochs": epochs, "batch_size": batch, "seed": 7}, "enough steps for a linear model to settle",
        )  # fmt: skip
    return Training(
        {"name": "mlp", "hidden": [64, 32], "dropout": 0.1}, f"{rows:,} rows to learn from", loss, loss_why,
        {"name": "adamw", "lr": 0.003, "weight_decay": 0.05, "schedule": "one_cycle"},
        {"max_epochs": max(3, min(20, round(2_000_000 / rows))), "batch_size": 1024, "seed": 7}, "",
    )  # fmt: skip


def _loss(task: str, share: float | None) -> tuple[dict[str, Any], str]:
    if task == "regression":
        return {"name": "mse", "standardize": True}, "whatever the unit of the label, steps have its size"
    if task == "multiclass":
        return {"name": "cross_entropy"}, ""
    if share is not None and share < _BALANCED:
        return {"name": "bce", "balance": True}, "one class is rare: its rows count more"
    return {"name": "bce"}, ""


def gates_of(look: FirstLook) -> list[tuple[str, str]]:
    """Return each gate with its reason; none where nothing was measured."""
    if not look.metric:
        return []
    margin = max(0.02, 2 * look.error)
    bound = math.floor(100 * (look.value - margin)) / 100
    if bound > look.trivial:
        why = f"a first look, with a linear model, reached {look.value:.2f} on {look.rows['test']:,} test rows"
    else:
        bound, why = math.floor(100 * look.trivial) / 100, "better than always giving the same answer"
    slack = max(0.005, math.ceil(1000 * look.error) / 1000)
    return [
        (f"{look.metric} >= {bound:g}", why),
        (f"{look.metric} >= live - {slack:g}", "no worse than the model that is served now, but for chance"),
    ]
