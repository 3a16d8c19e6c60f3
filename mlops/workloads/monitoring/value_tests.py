"""Test single values of a window.

Lives here: moved_by_kind, missing_test, and value_tests: categories never seen, numbers outside the range, a column that is stuck, and the
mean of the predictions.
Not here: counting (facts), tests of whole distributions and whether a column moved (drift).
Law: a test asks two things: is it real (an exact probability where there is one), and does it matter (a floor). Only more
missing values are a fault, never fewer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from scipy import stats

from mlops.contracts.watcher import BaselineColumn, FindingColumn
from mlops.workloads.monitoring.column_test import ColumnTest, with_shares
from mlops.workloads.monitoring.facts import ColumnCounts, WindowCounts
from mlops.workloads.monitoring.profile import Profile, is_prediction

FLOORS = {"missing": 0.01, "unseen": 0.01, "outside": 0.01, "constant": 0.01, "mean": 0.05}
"""From where it matters: shares of rows; for the mean, of the mean or of the deviation, whichever is larger."""
QUALITY = frozenset(
    {"missing", "unseen", "outside", "constant", "duplicates", "answers", "refused", "failed", "volume"}
)
"""Methods that show values which something broke, rather than a world that moved."""
_MOST_MISSING = 0.05
_FEWEST = 20


def moved_by_kind(tests: Sequence[ColumnTest]) -> dict[Literal["drift", "quality"], list[FindingColumn]]:
    """Return what moved as it stands in the findings of each kind."""
    moved = with_shares([test for test in tests if test.moved])
    return {
        "drift": [column for column in moved if column.method not in QUALITY],
        "quality": [column for column in moved if column.method in QUALITY],
    }


def missing_test(baseline: Profile, window: Profile, name: str) -> ColumnTest:
    """Test whether the window misses more values than training did.

    The share must rise by 0.01 and by half of what it was; a rise of 0.05 is always enough.
    """
    n, m = baseline.rows, window.rows
    before, now = baseline.missing(name), window.missing(name)
    share = before / max(n, 1)
    floor = min(_MOST_MISSING, FLOORS["missing"] + share / 2)
    return ColumnTest(name, "missing", max(0.0, now / max(m, 1) - share), _more(before, n, now, m), floor)


def value_tests(counts: WindowCounts) -> list[ColumnTest]:
    """Return the tests that the facts of each column allow."""
    tests: list[ColumnTest] = []
    for name, counted in counts.columns.items():
        fact = counts.facts[name]
        if counted.known < _FEWEST:
            continue
        if is_prediction(name):
            tests.extend(_mean(name, fact, counted))
            continue
        if fact.values is not None:
            tests.append(_unseen(name, fact, counted))
        if fact.least is not None and fact.most is not None:
            tests.append(_outside(name, fact, counted))
        if fact.mode_share is not None and fact.mode_share < 1:
            tests.append(_constant(name, fact, counted))
    return tests


def _more(before: int, n: int, now: int, m: int) -> float:
    """Return how likely `now` of m rows or more are by chance, where training had `before` of n.

    The conditional binomial test of two rates (Przyborowski and Wilenski, Biometrika 1940): exact for rare events, and
    careful for others.
    """
    return float(stats.binom.sf(now - 1, before + now, m / (n + m))) if now and m else 1.0


def _unseen(name: str, fact: BaselineColumn, counted: ColumnCounts) -> ColumnTest:
    """Test for categories that training never had. Of n training rows, `once` would have been new to the others (Good, 1953)."""
    share = counted.unseen / counted.known
    floor = FLOORS["unseen"] + fact.once / fact.known
    p = _more(fact.once, fact.known, counted.unseen, counted.known)
    return ColumnTest(name, "unseen", share, p, floor, examples=tuple(counted.examples))


def _outside(name: str, fact: BaselineColumn, counted: ColumnCounts) -> ColumnTest:
    """Test for numbers outside the range of training, where two of n + 1 are expected by chance: a new least and a new most."""
    p = _more(2, fact.known + 1, counted.outside, counted.known)
    return ColumnTest(name, "outside", counted.outside / counted.known, p, FLOORS["outside"])


def _constant(name: str, fact: BaselineColumn, counted: ColumnCounts) -> ColumnTest:
    """Test for one value in all rows. The statistic is the least share of training rows that had another."""
    assert fact.mode_share is not None
    if not counted.is_constant:
        return ColumnTest(name, "constant", 0.0, 1.0, FLOORS["constant"])
    share = fact.mode_share if counted.first == fact.mode else min(fact.mode_share, 1 - fact.mode_share)
    return ColumnTest(name, "constant", 1 - share, share**counted.known, FLOORS["constant"])


def _mean(name: str, fact: BaselineColumn, counted: ColumnCounts) -> list[ColumnTest]:
    """Test the mean of the predictions by Welch's t (Biometrika 1947)."""
    if fact.mean is None or fact.deviation is None or max(abs(fact.mean), fact.deviation) == 0:
        return []
    n, m = fact.known, counted.known
    moved = counted.total / m
    variance = max(0.0, (counted.squares - m * moved**2) / (m - 1))
    left, right = fact.deviation**2 / n, variance / m
    if left + right == 0:
        p = 1.0 if moved == 0 else 0.0
    else:
        freedom = (left + right) ** 2 / (left**2 / max(n - 1, 1) + right**2 / (m - 1))
        p = float(2 * stats.t.sf(abs(moved) / math.sqrt(left + right), freedom))
    return [ColumnTest(name, "mean", abs(moved) / max(abs(fact.mean), fact.deviation), p, FLOORS["mean"])]
