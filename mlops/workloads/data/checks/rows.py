"""See that there are enough rows, and not too many.

Lives here: check.
Not here: what may be expected (config.schema.checks.rows).
Law: the rows are those of the result of the SQL.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlops.config.schema.checks.rows import RowBounds
from mlops.workloads.data.checks.check import Checked


def check(checked: Checked, expected: RowBounds) -> Iterator[str]:
    """Yield a sentence where there are fewer rows, or more, than expected."""
    count = checked.rows.num_rows
    if expected.min is not None and count < expected.min:
        yield f"There are {count:,} rows, and at least {expected.min:,} are expected."
    if expected.max is not None and count > expected.max:
        yield f"There are {count:,} rows, and at most {expected.max:,} are expected."
