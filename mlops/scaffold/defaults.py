"""Choose how a new model is trained.

Lives here: ARCHITECTURE, the family that the model of a new project is of, with its reason, and gates_of.
Not here: the defaults of fields (config.schema), which never change; training (workloads).
Law: what is proposed is what benchmarks show to be good without a search (bench/quality.py); fields at their defaults are not written.
"""

from __future__ import annotations

import math

from mlops.contracts.survey import FirstLook

ARCHITECTURE = "auto"
ARCHITECTURE_WHY = "trees beside a linear model, each counts as rows say that it did not learn from; as good as either on tables of all kinds"


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
