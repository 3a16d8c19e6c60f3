"""Judge how an endpoint is asked.

Lives here: Traffic: the share of requests that were refused, of those that failed otherwise, and how many there were.
Not here: the rows of the requests (window_rows), counting answers (serving.log).
Law: training says nothing of requests, so a window is held against the windows before it; one that is judged again is held
against the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import structs

from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.live import TrafficFile, TrafficWindow
from mlops.workloads.monitoring.column_test import ColumnTest
from mlops.workloads.monitoring.tails import tail_of, value_at

REQUESTS = "(requests)"
_MOST_WINDOWS = 2_000
_FEWEST_WINDOWS = 20
_WEEK = 7 * 86400.0
_LEAST_SHARE = 0.02
_UNKNOWN_SHARE = 0.05
"""From which share on it matters while there are too few windows to compare with."""
_LEAST_VOLUME = math.log(2)
_FEWEST_ANSWERS = 20
_MOST_LOG = 50.0


class Traffic:
    """`folder`: where the counts of the last windows are kept, in traffic.json. `rate`: of false alarms, per window."""

    def __init__(self, folder: Path, *, rate: float) -> None:
        self._path, self._rate = folder / "traffic.json", rate
        try:
            self._known = decode(TrafficFile, self._path.read_bytes())
        except (OSError, ContractError):
            self._known = TrafficFile()

    def judge(self, start: float, end: float, answers: Mapping[str, int]) -> list[ColumnTest]:
        """Return the tests of a window, and keep it. `answers`: status -> how many; nothing is tested where none is known."""
        before = [window for window in self._known.windows if window.end <= start]
        statuses: Counter[str] = Counter(answers)
        window = TrafficWindow(
            start=start, end=end, requests=sum(statuses.values()), refused=statuses["422"],
            failed=sum(count for status, count in statuses.items() if status[:1] in "45" and status != "422"),
        )  # fmt: skip
        if not answers and not before:
            return []
        usual = [one for one in before if not one.moved]
        tests = [*self._shares(window, usual), *self._volume(window, usual)]
        window = structs.replace(window, moved=any(test.moved for test in tests))
        self._known = structs.replace(self._known, windows=(*before, window)[-_MOST_WINDOWS:])
        temporary = self._path.with_suffix(".part")
        temporary.write_text(encode(self._known) + "\n")
        temporary.replace(self._path)
        return tests

    def _shares(self, window: TrafficWindow, usual: Sequence[TrafficWindow]) -> list[ColumnTest]:
        if window.requests < _FEWEST_ANSWERS:
            return []
        asked = [one for one in usual if one.requests >= _FEWEST_ANSWERS]
        tests = []
        for method in ("refused", "failed"):
            share = getattr(window, method) / window.requests
            threshold = _UNKNOWN_SHARE
            if len(asked) >= _FEWEST_WINDOWS:
                tail = tail_of(np.array([getattr(one, method) / one.requests for one in asked]))
                threshold = max(_LEAST_SHARE, value_at(tail, self._rate))
            tests.append(ColumnTest(REQUESTS, method, share, None, threshold, moved=share > threshold))
        return tests

    def _volume(self, window: TrafficWindow, usual: Sequence[TrafficWindow]) -> list[ColumnTest]:
        """Compare the requests of a second with those of a week, which has its nights and its Sunday."""
        if len(usual) < _FEWEST_WINDOWS or usual[-1].end - usual[0].start < _WEEK:
            return []
        rates = np.array([_log_rate(one) for one in usual])
        middle = float(np.median(rates))
        moved = _log_rate(window) - middle
        tail = tail_of(np.maximum(np.sign(moved) * (rates - middle), 0.0))
        threshold = max(_LEAST_VOLUME, value_at(tail, self._rate))
        times, limit = math.exp(abs(moved)), math.exp(min(threshold, _MOST_LOG))
        return [ColumnTest(REQUESTS, "volume", times, None, limit, moved=times > limit)]


def _log_rate(window: TrafficWindow) -> float:
    """Return the logarithm of the requests of an hour; none counts as one."""
    return math.log(max(window.requests, 1) / (window.end - window.start) * 3600)
