"""Count requests.

Lives here: Meter, counters and one histogram, written out in Prometheus' text format (version 0.0.4).
Not here: gathering them over replicas (Prometheus does).
Law: counting costs no more than a few additions.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_CACHED = {"hits": "had", "misses": "did not have"}


class Meter:
    """Counts the requests of one version."""

    def __init__(self, model: str, version: str) -> None:
        self._labels = f'model="{model}",version="{version}"'
        self.answers: Counter[int] = Counter()
        self.rows = self.outside = 0
        self.dropped = 0
        self.cached: tuple[int, int] | None = None
        """Rows that the cache had and had not; None where there is none."""
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, status: int, seconds: float, rows: int) -> None:
        """Count one answer."""
        self.answers[status] += 1
        self.rows += rows
        self._buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._sum += seconds

    def count_outside(self, places: Sequence[Mapping[str, Any]]) -> None:
        """Count the rows of places that lie far outside of what training saw."""
        self.outside += len({place["row"] for place in places})

    def text(self) -> str:
        """Return the counts as Prometheus reads them."""
        lines = ["# HELP mlops_requests_total Requests answered.", "# TYPE mlops_requests_total counter"]
        lines += [
            f'mlops_requests_total{{{self._labels},status="{status}"}} {count}'
            for status, count in sorted(self.answers.items())
        ]
        lines += ["# HELP mlops_rows_total Rows predicted.", "# TYPE mlops_rows_total counter"]
        lines.append(f"mlops_rows_total{{{self._labels}}} {self.rows}")
        lines += ["# HELP mlops_outside_rows_total Rows flagged: they lie far outside of what training saw.",
                  "# TYPE mlops_outside_rows_total counter", f"mlops_outside_rows_total{{{self._labels}}} {self.outside}"]  # fmt: skip
        lines += ["# HELP mlops_log_dropped_total Lines that the prediction log had no room for.",
                  "# TYPE mlops_log_dropped_total counter", f"mlops_log_dropped_total{{{self._labels}}} {self.dropped}"]  # fmt: skip
        for name, count in zip(("hits", "misses"), self.cached or (), strict=False):
            lines += [f"# HELP mlops_cache_{name}_total Rows that the cache of answers {_CACHED[name]}.",
                      f"# TYPE mlops_cache_{name}_total counter", f"mlops_cache_{name}_total{{{self._labels}}} {count}"]  # fmt: skip
        lines += ["# HELP mlops_request_seconds Time to answer.", "# TYPE mlops_request_seconds histogram"]
        total = 0
        for bound, count in zip((*_BOUNDS, "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(f'mlops_request_seconds_bucket{{{self._labels},le="{bound}"}} {total}')
        lines.append(f"mlops_request_seconds_sum{{{self._labels}}} {self._sum:.6f}")
        lines.append(f"mlops_request_seconds_count{{{self._labels}}} {total}")
        return "\n".join(lines) + "\n"
