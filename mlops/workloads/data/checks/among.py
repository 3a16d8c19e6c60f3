"""See that values are of a list.

Lives here: check.
Not here: what may be expected (config.schema.checks.among).
Law: a missing value is left to `not_null` and `at_most_missing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.workloads.data.checks.check import Checked


def check(checked: Checked, expected: tuple[Any, ...]) -> Iterator[str]:
    """Yield a sentence where a value is none of the list."""
    column = checked.values
    allowed = pa.array(list(expected)).cast(column.type)
    wrong = pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, value_set=allowed)))
    yield from checked.breaking(wrong, f"one of {', '.join(str(value) for value in expected)}")
