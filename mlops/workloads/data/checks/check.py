"""Check rows against what is expected of them.

Lives here: violations, a sentence for each check that does not hold, the protocol Check, and what it looks at (Checked).
Not here: the checks themselves (the other files of this room).
Law: every check is made; a sentence says how many rows break it, and shows one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.checks.check import ColumnExpectation, Expectation
from mlops.config.schema.column_types import VALUES
from mlops.extensions import CHECKS
from mlops.workloads.data.columns import type_of
from mlops.workloads.data.rows import Rows


@dataclass(frozen=True)
class Checked:
    """What a check looks at. `column`: the name of the column; empty for a check of the whole table."""

    rows: Rows
    column: str = ""

    @property
    def table(self) -> pa.Table:
        """All rows, which are then in memory; a check that needs no more than a column looks at `values`."""
        return self.rows.table

    @cached_property
    def values(self) -> pa.ChunkedArray:
        """The column."""
        return self.rows[self.column]

    @property
    def kind(self) -> str:
        """The column's type in the contract: bool, int, float, string, date or timestamp."""
        return str(type_of(self.rows.schema.field(self.column).type))

    def unfit(self, check: str, does: str, step: str) -> str:
        """Return a sentence about a check that a column of this type cannot have. `does`: such as "is for text"."""
        return f"`{self.column}` holds {VALUES[self.kind]}, and `{check}` {does}. {step}"

    def breaking(self, wrong: Any, wanted: str) -> Iterator[str]:
        """Yield a sentence where the mask `wrong` is true in any row. `wanted`: such as "one of a, b"."""
        found = self.values.filter(pc.fill_null(wrong, False))
        if len(found):
            count = len(self.values)
            yield f"`{self.column}` is not {wanted} in {len(found):,} of {count:,} rows, such as {found[0].as_py()!r}."


class Check(Protocol):
    """What a word registers in `mlops.checks`."""

    def __call__(self, checked: Checked, expected: Any) -> Iterable[str]:
        """Return a sentence for each thing that is not as `expected`, which is the value of the word in `expect:`."""


def violations(rows: Rows, expectations: Sequence[Expectation]) -> list[str]:
    """Return a sentence for each check that does not hold."""
    sentences: list[str] = []
    for expectation in expectations:
        column = expectation.column if isinstance(expectation, ColumnExpectation) else ""
        if column and column not in rows.column_names:
            sentences.append(f"`{column}` is checked, and the SQL gives no such column.")
            continue
        for name, expected in expectation.given():
            check: Check = CHECKS.load(name)
            try:
                sentences += check(Checked(rows, column), expected)
            except pa.ArrowException as error:
                sentences.append(f"`{column or 'the table'}` cannot be checked with `{name}: {expected}`: {error}.")
    return sentences
