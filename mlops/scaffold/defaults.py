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


@dataclass(frozen=True)
class ProposedTraining:
    """Sections of a model, each with the reason that stands beside it."""

    architecture: dict[str, Any]
    architecture_why: str
    trainer: dict[str, Any]

    def sections(self) -> dict[str, Any]:
        return {"architecture": self.architecture, "trainer": self.trainer}


def propose_training(rows: int) -> ProposedTraining:
    """Return how a model learns. `rows`: of the train split, about.

    `bench/quality.py` measures it beside logistic and ridge regression and scikit-learn's HistGradientBoosting, on ten tables.
    """
    why = f"trees beside a linear model: {rows:,} rows say how much each counts"
    return ProposedTraining({"name": "auto"}, why, {"seed": 7})


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
