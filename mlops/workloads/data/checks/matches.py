"""See that texts match a regular expression.

Lives here: check.
Not here: what may be expected (config.schema.checks.matches).
Law: a missing value is left to `not_null` and `at_most_missing`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.compute as pc

from mlops.workloads.data.checks.check import Checked


def check(checked: Checked, expected: str) -> Iterator[str]:
    """Yield a sentence where a text does not match as a whole, or where the column holds no texts."""
    if checked.kind != "string":
        step = f"Use `between` or `among`, or make it text in the SQL: CAST({checked.column} AS VARCHAR)."
        yield checked.unfit("matches", "is for text", step)
        return
    wrong = pc.invert(pc.match_substring_regex(checked.values, f"^(?:{expected})$"))
    yield from checked.breaking(wrong, f"a match of {expected}")
