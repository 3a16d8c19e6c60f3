"""Say which columns a model leans on.

Lives here: importance_of, by permutation (Breiman 2001): how much worse the headline is once a column is shuffled.
Not here: the model (training.families).
Law: 2,000 rows at most, three seeded shuffles of each column; what is run is what training saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mlops.metrics.metric import Direction, Metric
from mlops.workloads.metrics.measure import compute
from mlops.workloads.metrics.weighted import Array

SHUFFLED_ROWS = 2_000
_SHUFFLES = 3
_SEED = 7
_DIGITS = 4


def importance_of(
    columns: Mapping[str, Array], truth: Array, predict: Callable[[Mapping[str, Array]], Array], metric: Metric, *,
    threshold: float,
) -> list[dict[str, float | str]]:  # fmt: skip
    """Return column, and mean and deviation of the loss in the metric; the column that matters most first."""
    chance = np.random.default_rng(_SEED)
    sign = -1.0 if metric.direction is Direction.MIN else 1.0
    whole = compute(metric, truth, predict(columns), threshold=threshold)
    found: list[dict[str, float | str]] = []
    for name in sorted(columns):
        losses = []
        for _ in range(_SHUFFLES):
            shuffled = {**columns, name: columns[name][chance.permutation(len(truth))]}
            losses.append(sign * (whole - compute(metric, truth, predict(shuffled), threshold=threshold)))
        if np.isfinite(losses).all():
            mean, deviation = (round(float(value), _DIGITS) + 0.0 for value in (np.mean(losses), np.std(losses)))
            found.append({"column": name, "worse_by": mean, "deviation": deviation})
    return sorted(found, key=lambda item: (-float(item["worse_by"]), str(item["column"])))
