"""Say which metrics compare the groups of a slice.

Lives here: DEMOGRAPHIC_PARITY_DIFFERENCE and _RATIO, EQUAL_OPPORTUNITY_DIFFERENCE, EQUALIZED_ODDS_DIFFERENCE and _RATIO.
Not here: computing them (workloads.metrics.fairness).
Law: a gate on one of them names a column: `test_demographic_parity_ratio[sex] >= 0.8`.
"""

from __future__ import annotations

from mlops.metrics.metric import MEASURED_SPLITS, Direction, Metric
from mlops.metrics.task import Task

_COMPUTED = "mlops.workloads.metrics.fairness"
_TASKS = frozenset({Task.BINARY})
_SPLITS = MEASURED_SPLITS[:1]

DEMOGRAPHIC_PARITY_DIFFERENCE = Metric(
    "demographic_parity_difference",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:demographic_parity_difference",
    splits=_SPLITS,
    between_groups=True,
    doc="Between the groups of a slice: the highest share of rows that are predicted to be true, less the lowest.",
)
DEMOGRAPHIC_PARITY_RATIO = Metric(
    "demographic_parity_ratio",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:demographic_parity_ratio",
    splits=_SPLITS,
    between_groups=True,
    doc="Between the groups of a slice: the lowest share of rows that are predicted to be true, by the highest.",
)
EQUAL_OPPORTUNITY_DIFFERENCE = Metric(
    "equal_opportunity_difference",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:equal_opportunity_difference",
    splits=_SPLITS,
    between_groups=True,
    doc="Between the groups of a slice: the highest share of true rows that are found, less the lowest.",
)
EQUALIZED_ODDS_DIFFERENCE = Metric(
    "equalized_odds_difference",
    _TASKS,
    Direction.MIN,
    f"{_COMPUTED}:equalized_odds_difference",
    splits=_SPLITS,
    between_groups=True,
    doc="Between the groups of a slice: the larger of the differences of the true and of the false positive rate.",
)
EQUALIZED_ODDS_RATIO = Metric(
    "equalized_odds_ratio",
    _TASKS,
    Direction.MAX,
    f"{_COMPUTED}:equalized_odds_ratio",
    splits=_SPLITS,
    between_groups=True,
    doc="Between the groups of a slice: the smaller of the ratios of the true and of the false positive rate.",
)
