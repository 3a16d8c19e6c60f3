"""Compare a window with the baseline.

Lives here: ColumnTest, compare, and the tests of a distribution: Kolmogorov-Smirnov, chi-squared, PSI, Jensen-Shannon.
Not here: tests of single values (value_tests), profiles (profile), windows (watcher).
Law: a column moved where its test is significant after Bonferroni's correction for all tests of the window AND the
difference is large enough to matter; a big window does not make a small difference a finding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import kolmogorov

from mlops.workloads.monitoring.column_test import ColumnTest
from mlops.workloads.monitoring.facts import WindowCounts
from mlops.workloads.monitoring.profile import Profile
from mlops.workloads.monitoring.value_tests import missing_test, value_tests

ALPHA = 0.01
"""How likely a window of rows like those of training shows anything by chance, all its tests together."""
SMALLEST = {"ks": 0.1, "chi2": 0.1, "psi": 0.2, "jensen_shannon": 0.15}
"""The smallest statistic that matters, where the threshold is `auto`. For chi2 the statistic is the total variation distance."""
_POINTS = 101
_BINS = 10


def compare(
    baseline: Profile,
    window: Profile,
    kinds: Mapping[str, str],
    *,
    method: str = "auto",
    threshold: float | str = "auto",
    counts: WindowCounts | None = None,
) -> list[ColumnTest]:
    """Return the tests of every column of `kinds` (name -> "number" or "text"), those that moved most first.

    `counts`: those of the window; without them, single values are not tested.
    """
    out: list[ColumnTest] = value_tests(counts) if counts is not None else []
    for name, kind in kinds.items():
        out.append(missing_test(baseline, window, name))
        if min(baseline.known(name), window.known(name)) < 20:
            continue
        chosen = {"auto": "ks" if kind == "number" else "chi2", "ks": "ks", "chi2": "chi2"}.get(method, method)
        if kind == "text" and chosen == "ks":
            chosen = "chi2"
        if kind == "number" and chosen == "chi2":
            chosen = "ks"
        out.append(_test(baseline, window, name, kind, chosen, threshold))
    level = ALPHA / max(1, sum(test.p is not None for test in out))
    out = [replace(test, moved=test.statistic >= test.threshold and (test.p is None or test.p < level)) for test in out]
    return sorted(out, key=lambda test: (-test.moved, -test.statistic, test.name))


def _test(baseline: Profile, window: Profile, name: str, kind: str, method: str, threshold: float | str) -> ColumnTest:
    n, m = baseline.known(name), window.known(name)
    bound = SMALLEST[method] if isinstance(threshold, str) else float(threshold)
    p: float | None = None
    if method == "ks":
        statistic = _ks(baseline, window, name)
        p = float(kolmogorov(math.sqrt(n * m / (n + m)) * statistic))
    elif method == "chi2":
        statistic, p = _chi2(*_tables(baseline, window, name))
    else:
        left, right = _shares(baseline, window, name, kind)
        statistic = _psi(left, right) if method == "psi" else _js(left, right)
    return ColumnTest(name, method, float(statistic), p, bound)


def _ks(baseline: Profile, window: Profile, name: str) -> float:
    """Return the largest distance of the two distribution functions, at the quantiles of both."""
    shares = np.linspace(0, 1, _POINTS).tolist()
    points = sorted({*baseline.quantiles(name, shares), *window.quantiles(name, shares)})
    return float(np.max(np.abs(np.subtract(baseline.cdf(name, points), window.cdf(name, points)))))


def _tables(baseline: Profile, window: Profile, name: str) -> tuple[list[float], list[float]]:
    """Return the counts of both by value; values too rare to be expected five times in the window are one."""
    left, right = baseline.counts(name), window.counts(name)
    n, m = baseline.known(name), window.known(name)
    kept = [value for value, count in left.items() if count * m / n >= 5]
    tables = [left[value] for value in kept], [right.get(value, 0.0) for value in kept]
    for counts, total in zip(tables, (n, m), strict=True):
        counts.append(max(0.0, total - sum(counts)))
    return tables


def _chi2(left: Sequence[float], right: Sequence[float]) -> tuple[float, float]:
    """Return the total variation distance (the share of rows whose value would have to be another), and the p of the test.

    Cramer's V would depend on how many more rows the baseline has than the window. A value of no row is left out.
    """
    table = np.array([left, right])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    shares = table / table.sum(axis=1, keepdims=True)
    return float(np.abs(shares[0] - shares[1]).sum() / 2), float(stats.chi2_contingency(table).pvalue)


def _shares(baseline: Profile, window: Profile, name: str, kind: str) -> tuple[Any, Any]:
    if kind == "text":
        left, right = _tables(baseline, window, name)
        return np.array(left) / max(sum(left), 1), np.array(right) / max(sum(right), 1)
    edges = sorted(set(baseline.quantiles(name, np.linspace(0, 1, _BINS + 1)[1:-1].tolist())))
    return tuple(np.diff([0.0, *profile.cdf(name, edges), 1.0]) for profile in (baseline, window))  # type: ignore[return-value]


def _psi(left: Any, right: Any) -> float:
    """Population stability index (Siddiqi, Credit Risk Scorecards, 2006)."""
    a, b = np.clip(left, 1e-4, None), np.clip(right, 1e-4, None)
    return float(np.sum((b - a) * np.log(b / a)))


def _js(left: Any, right: Any) -> float:
    """Jensen-Shannon distance, base 2 (Endres and Schindelin, 2003)."""
    a, b = np.clip(left, 0, None), np.clip(right, 0, None)
    middle = (a + b) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.nansum(a * np.log2(np.where(a > 0, a / middle, 1))) + np.nansum(
            b * np.log2(np.where(b > 0, b / middle, 1))
        )
    return math.sqrt(max(0.0, float(each) / 2))
