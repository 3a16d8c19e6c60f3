"""See that few values are missing.

Lives here: check.
Not here: what may be expected (config.schema.checks.at_most_missing).
Law: a table without rows has none missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlops.workloads.data.checks.check import Checked


def check(checked: Checked, expected: float) -> Iterator[str]:
    """Yield a sentence where a larger share of the values than `expected` is missing."""
    column = checked.values
    share = column.null_count / len(column) if len(column) else 0.0
    if share > expected:
        yield f"`{checked.column}` is missing in {share:.2%} of the rows, and at most {expected:.2%} is expected."
