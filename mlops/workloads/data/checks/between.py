"""See that values lie in an interval.

Lives here: check.
Not here: what may be expected (config.schema.checks.between).
Law: a missing value is left to `not_null` and `at_most_missing`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.checks.between import Bound
from mlops.workloads.data.checks.check import Checked


def check(checked: Checked, expected: tuple[Bound, Bound]) -> Iterator[str]:
    """Yield a sentence where a value lies outside of the closed interval; a day as a bound of timestamps is the whole day."""
    low, high = expected
    is_time = checked.kind in ("date", "timestamp")
    if isinstance(low, dt.date) != is_time or checked.kind in ("string", "bool"):
        step = "Write two dates, such as [2013-01-01, 2013-12-31]." if is_time else (
            "Cast the column in the SQL, or use `among` or `matches`." if checked.kind in ("string", "bool")
            else "Write two numbers, or cast the column in the SQL."
        )  # fmt: skip
        yield checked.unfit("between", f"compares {'dates' if isinstance(low, dt.date) else 'numbers'}", step)
        return
    column = checked.values
    if is_time:
        column = column.cast(pa.timestamp("us") if isinstance(low, dt.datetime) else pa.date32(), safe=False)
    if checked.kind == "int":
        low, high = _whole(math.ceil(low)), _whole(math.floor(high))  # type: ignore[arg-type]
    wrong = pc.or_(pc.less(column, pa.scalar(low)), pc.greater(column, pa.scalar(high)))
    yield from checked.breaking(wrong, f"between {_shown(expected[0])} and {_shown(expected[1])}")


def _whole(bound: int) -> int:
    return max(-(2**63), min(bound, 2**63 - 1))


def _shown(bound: Bound) -> str:
    return bound.isoformat() if isinstance(bound, dt.date) else f"{bound:g}"
