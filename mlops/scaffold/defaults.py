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

_SMALL = 5_000
_BALANCED = 0.2


@dataclass(frozen=True)
class ProposedTraining:
    """Sections of a model, each with the reason that stands beside it."""

    architecture: dict[str, Any]
    architecture_why: str
    loss: dict[str, Any]
    loss_why: str
    optimizer: dict[str, Any]
    trainer: dict[str, Any]
    trainer_why: str


def propose_training(task: str, rows: int, share: float | None) -> ProposedTraining:
    """Return how a model learns. `rows`: of the train split, about. `share`: of the rarer class of two.

    Measured against logistic and ridge regression of scikit-learn on the same splits, test AUC, accuracy or R²: wine 1.000
    (1.000), breast cancer 0.997 (0.991), diabetes 0.500 (0.500), 891 passengers 0.739 (0.742), 200,000 payments with 0.7 %
    positives 0.817 (0.792).
    """
    loss, loss_why = _loss(task, share)
    if rows < _SMALL:
        return ProposedTraining(
            {"name": "linear"}, f"{rows:,} rows to learn from: few parameters generalise best", loss, loss_why,
            {"name": "adamw", "lr": 0.03, "weight_decay": 0.1, "schedule": "one_cycle"},
            {"max_epochs": 60, "batch_size": _batch(rows // 20, 16, 256), "seed": 7}, "enough steps to settle",
        )  # fmt: skip
    epochs = max(3, min(20, round(700_000 / rows)))
    return ProposedTraining(
        {"name": "mlp", "hidden": [64, 32], "dropout": 0.1}, f"{rows:,} rows to learn from", loss, loss_why,
        {"name": "adamw", "lr": 0.003, "weight_decay": 0.05, "schedule": "one_cycle"},
        {"max_epochs": epochs, "batch_size": _batch(rows // 100, 64, 1024), "seed": 7}, "",
    )  # fmt: skip


def _batch(wanted: int, least: int, most: int) -> int:
    """Return the power of two next to `wanted`, between the bounds."""
    power: int = 2 ** round(math.log2(max(1, wanted)))
    return max(least, min(most, power))


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
