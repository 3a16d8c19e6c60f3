"""See that values lie in an interval.

Lives here: check.
Not here: what may be expected (config.schema.checks.between).
Law: a missing value is left to `not_null` and `at_most_missing`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from mlops.workloads.data.checks.check import Checked


def check(checked: Checked, expected: tuple[float, float]) -> Iterator[str]:
    """Yield a sentence where a value lies outside of the closed interval."""
    low, high = expected
    column = checked.values
    wrong = pc.or_(pc.less(column, low), pc.greater(column, high))
    yield from checked.breaking(wrong, f"between {low:g} and {high:g}")
