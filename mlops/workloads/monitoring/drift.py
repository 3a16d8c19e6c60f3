"""Compare a window with the baseline.

Lives here: ColumnTest, compare, and the tests: Kolmogorov-Smirnov, chi-squared, PSI, Jensen-Shannon, and the
share of missing values.
Not here: profiles (profile), windows (watcher).
Law: a column moved where its test is significant after Bonferroni's correction AND the difference is large enough to
matter; a big window does not make a small difference a finding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import kolmogorov

from mlops.contracts.watcher import FindingColumn
from mlops.workloads.monitoring.profile import Profile

ALPHA = 0.01
SMALLEST = {"ks": 0.1, "chi2": 0.1, "psi": 0.2, "jensen_shannon": 0.15, "missing": 0.05}
"""The smallest statistic that matters, where the threshold is `auto`. For chi2 the statistic is the total variation distance."""
_POINTS = 101
_BINS = 10


@dataclass(frozen=True, slots=True)
class ColumnTest:
    """One test of one column. `statistic`, `p` and `threshold` are those of `method`."""

    name: str
    method: str
    statistic: float
    p: float | None
    threshold: float
    moved: bool

    def column(self) -> FindingColumn:
        """Return the test as it stands in a finding."""
        return FindingColumn(
            name=self.name, method=self.method, statistic=round(self.statistic, 4), p=self.p, threshold=self.threshold
        )


def compare(
    baseline: Profile,
    window: Profile,
    kinds: Mapping[str, str],
    *,
    method: str = "auto",
    threshold: float | str = "auto",
) -> list[ColumnTest]:
    """Return the tests of every column of `kinds` (name -> "number" or "text"), those that moved most first."""
    tests = max(1, 2 * len(kinds))
    out: list[ColumnTest] = []
    for name, kind in kinds.items():
        out.append(_missing(baseline, window, name, tests))
        if min(baseline.known(name), window.known(name)) < 20:
            continue
        chosen = {"auto": "ks" if kind == "number" else "chi2", "ks": "ks", "chi2": "chi2"}.get(method, method)
        if kind == "text" and chosen == "ks":
            chosen = "chi2"
        if kind == "number" and chosen == "chi2":
            chosen = "ks"
        out.append(_test(baseline, window, name, kind, chosen, threshold, tests))
    return sorted(out, key=lambda test: (-test.moved, -test.statistic, test.name))


def _test(
    baseline: Profile, window: Profile, name: str, kind: str, method: str, threshold: float | str, tests: int
) -> ColumnTest:
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
    moved = statistic >= bound and (p is None or p < ALPHA / tests)
    return ColumnTest(name, method, float(statistic), p, bound, moved)


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


def _missing(baseline: Profile, window: Profile, name: str, tests: int) -> ColumnTest:
    """Compare the shares of missing values by the pooled z-test."""
    n, m = baseline.rows, window.rows
    a, b = baseline.missing(name) / max(n, 1), window.missing(name) / max(m, 1)
    pooled = (a * n + b * m) / max(n + m, 1)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / max(n, 1) + 1 / max(m, 1)))
    p = float(2 * stats.norm.sf(abs(a - b) / spread)) if spread > 0 else 1.0
    bound = SMALLEST["missing"]
    return ColumnTest(name, "missing", abs(a - b), p, bound, abs(a - b) >= bound and p < ALPHA / tests)
