"""See that no value stands twice.

Lives here: check.
Not here: what may be expected (config.schema.checks.unique).
Law: a missing value repeats none.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from mlops.workloads.data.checks.check import Checked


def check(checked: Checked, expected: bool) -> Iterator[str]:
    """Yield a sentence where a value stands twice."""
    column = checked.values
    repeated = len(column) - column.null_count - pc.count_distinct(column).as_py()
    if repeated > 0:
        yield f"`{checked.column}` repeats a value in {repeated:,} rows, and unique is expected."
