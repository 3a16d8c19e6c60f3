"""Choose how a new model is trained.

Lives here: propose_training, the one place that says which family and which settings a new project gets, and gates_of.
Not here: the defaults of fields (config.schema), which never change; training (workloads).
Law: what the defaults of fields decide is not written, for they never change.
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
    """Sections of a model, each with the reason that stands beside it; empty where the defaults do."""

    architecture: dict[str, Any]
    architecture_why: str
    loss: dict[str, Any]
    loss_why: str


def propose_training(task: str, rows: int, share: float | None) -> ProposedTraining:
    """Return how a model learns. `rows`: of the train split, about. `share`: of the rarer class of two.

    Batches, steps, rates and the end of a training follow from the rows, so that nothing of them is written.
    """
    loss, loss_why = _loss(task, share)
    if rows < _SMALL:
        why = f"{rows:,} rows to learn from: few parameters generalise best"
        return ProposedTraining({"name": "linear"}, why, loss, loss_why)
    return ProposedTraining({"name": "mlp"}, f"{rows:,} rows to learn from", loss, loss_why)


def _loss(task: str, share: float | None) -> tuple[dict[str, Any], str]:
    if task == "binary" and share is not None and share < _BALANCED:
        return {"name": "bce", "balance": True}, "one class is rare: its rows count more"
    return {}, ""


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
