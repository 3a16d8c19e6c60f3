"""See that no value is missing.

Lives here: check.
Not here: what may be expected (config.schema.checks.not_null).
Law: a sentence says how many are.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlops.workloads.data.checks.check import Checked


def check(checked: Checked, expected: bool) -> Iterator[str]:
    """Yield a sentence where a value is missing."""
    column = checked.values
    if column.null_count:
        yield f"`{checked.column}` is missing in {column.null_count:,} of {len(column):,} rows, and not_null is expected."
