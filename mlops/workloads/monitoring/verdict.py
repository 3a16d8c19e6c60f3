"""Judge a window by what windows of the training data do.

Lives here: judge_window, its floors, and the thresholds of a rate of false alarms.
Not here: counting (tally), calibrating (calibrate).
Law: two questions, two answers. A column moved where its statistic is larger than clean windows make it at the stated rate,
all tests together (it is real), AND larger than its floor (it matters).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mlops.contracts.calibration import Tail, WindowCalibration, WindowTails
from mlops.workloads.monitoring import measures
from mlops.workloads.monitoring.column_test import ColumnTest
from mlops.workloads.monitoring.measures import SMALLEST_THAT_MATTERS
from mlops.workloads.monitoring.tails import probability_beyond, value_at
from mlops.workloads.monitoring.tally import Tally

_BOUNDED = frozenset({"ks", "chi2", "missing", "unseen", "outside", "duplicates", "jensen_shannon"})
_AIM = 0.5
"""Share of the stated rate that is aimed at: thresholds are estimates too, of windows that overlap."""
_RAREST = 1e-6
_FEWEST = 500
_REPEATED_ANYWAY = 0.5
"""Share of rows that repeat others in clean windows, above which more of them are no sign: a longer window has more."""


def judge_window(
    tally: Tally,
    calibration: WindowCalibration,
    *,
    rate: float,
    seconds: float | None = None,
    floors: Mapping[str, float] | None = None,
) -> list[ColumnTest]:
    """Return the tests of a window, those that moved most first. `rate`: of false alarms, per window.

    `seconds`: the window's length. Where training had fewer rows in such a time than the window has, the window is held against
    the larger differences of so few rows, because more rows of one hour are not more hours.
    """
    rows = float(tally.rows)
    clean = calibration.ordered
    if calibration.shuffled is not None and tally.is_shuffled:
        clean = calibration.shuffled
    elif seconds is not None and calibration.rows_per_second is not None:
        rows = min(rows, max(seconds * calibration.rows_per_second, _FEWEST))
    probability = _each(clean, rows, rate * _AIM)
    out = []
    for (method, name), statistic in tally.statistics(calibration.method).items():
        tails = clean.each.get(method, {}).get(name)
        if tails is None or (method == "duplicates" and tails[-1].most > _REPEATED_ANYWAY):
            continue
        real = _threshold(clean.sizes, tails, rows, probability, method)
        floor = SMALLEST_THAT_MATTERS[method]
        if method == measures.distribution_method(calibration.method, tally.kinds.get(name, "")):
            floor = (floors or {}).get(name, floor)
        elif method == "constant":
            floor = max(floor, (1 + tally.mode_shares.get(name, 0.0)) / 2)
        threshold = max(real, floor)
        p = _probability(clean.sizes, tails, rows, statistic)
        out.append(
            ColumnTest(
                name, method, statistic, p, threshold, moved=statistic >= threshold and statistic > real,
                examples=tuple(tally.examples.get(name, ())) if method == "unseen" else (),
            )
        )  # fmt: skip
    return sorted(out, key=lambda test: (-test.moved, -test.statistic / max(test.threshold, 1e-9), test.name))


def answer_tests(shares: Mapping[str, float]) -> list[ColumnTest]:
    """Return a test for each column of predictions: whether the endpoint answers otherwise than the model does."""
    floor = SMALLEST_THAT_MATTERS["answers"]
    return [ColumnTest(name, "answers", share, None, floor, moved=share >= floor) for name, share in shares.items()]


def _place(sizes: Sequence[int], rows: float) -> tuple[int, int, float]:
    """Return the two sizes that a window lies between, and how near it is to the second."""
    if rows <= sizes[0] or len(sizes) == 1:
        return 0, 0, 0.0
    after = next((place for place, size in enumerate(sizes) if size >= rows), len(sizes) - 1)
    if rows >= sizes[after]:
        return after, after, 0.0
    return after - 1, after, math.log(rows / sizes[after - 1]) / math.log(sizes[after] / sizes[after - 1])


def _each(clean: WindowTails, rows: float, rate: float) -> float:
    """Return the probability of each test at which all of them together alarm at `rate`."""
    low, high, weight = _place(clean.sizes, rows)
    found = [value_at(clean.joint[place], max(rate, _RAREST)) for place in (low, high)]
    return min(rate, math.exp(-(found[0] * (1 - weight) + found[1] * weight)))


def _threshold(sizes: Sequence[int], tails: Sequence[Tail], rows: float, probability: float, method: str) -> float:
    low, high, weight = _place(sizes, rows)
    values = []
    for place in (low, high):
        value = value_at(tails[place], probability)
        if method in _BOUNDED:
            value = min(value, (1 + tails[place].most) / 2)
        values.append(value)
    wider = math.sqrt(sizes[0] / rows) if 0 < rows < sizes[0] else 1.0
    return (values[0] * (1 - weight) + values[1] * weight) * wider


def _probability(sizes: Sequence[int], tails: Sequence[Tail], rows: float, statistic: float) -> float | None:
    """Return how likely a clean window shows this; None where it is nothing rare."""
    low, high, weight = _place(sizes, rows)
    near = tails[high if weight > 0.5 else low]
    return float(probability_beyond(near, statistic)) if statistic > near.start else None  # type: ignore[arg-type]
