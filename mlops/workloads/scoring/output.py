"""Say what a place for scored rows does.

Lives here: IntervalOutput, WrittenInterval, and what is checked before rows count: check_rows_read and bounded.
Not here: the places (parquet_output, table_output), scoring (scorer).
Law: an interval is there whole or not at all, and its line in the ledger with it or after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from mlops.contracts.scoring import IntervalRows, LedgerLine
from mlops.workloads.scoring.scorer import ScoredRows
from mlops.workloads.stage import failed


@dataclass(frozen=True)
class WrittenInterval:
    """What was written of an interval. `md5` and `size`: of the file of the scored rows; empty and 0 where there is none."""

    rows: int
    rejected: int
    md5: str = ""
    size: int = 0


LineOf = Callable[[WrittenInterval], LedgerLine]


class IntervalOutput(Protocol):
    """A place that scored rows go to. Several threads may write intervals at once."""

    def ledger(self) -> dict[str, LedgerLine]:
        """Return the last line of each interval."""

    def prepare(self, schema: pa.Schema) -> None:
        """Make the place ready for rows of this schema, and take away what a killed run left; one run at a time may do so."""

    def write(self, one: IntervalRows, schema: pa.Schema, rows: Iterable[ScoredRows], line_of: LineOf) -> LedgerLine:
        """Write an interval in the place of what there is of it, and its line. Raises MlopsError where that fails, or where the
        rows are not as many as were planned; what there was of it then stays."""


def check_rows_read(one: IntervalRows, found: int) -> None:
    """Raise MlopsError where the rows that were read are not as many as were planned."""
    if found != one.rows:
        raise failed(
            "rows changed meanwhile",
            f"{one.name} had {one.rows:,} rows when it was planned, and {found:,} were read. Plan again, and apply that.",
        )


def bounded(rows: Iterable[ScoredRows], one: IntervalRows, most: float) -> Iterator[ScoredRows]:
    """Yield the rows of an interval. Raises MlopsError, at their end, where more than the share `most` was set aside."""
    aside, first = 0, ""
    for part in rows:
        if part.rejected is not None:
            first = first or str(part.rejected.columns[-1][0].as_py())
            aside += part.rejected.num_rows
        yield part
    if aside > most * one.rows:
        raise failed(
            "too many rows do not fit",
            f"{one.name}: {aside:,} of {one.rows:,} rows cannot be scored, and `max_rejected` allows {most:.0%}; the first: {first}. "
            "Nothing of this interval was written. Correct the source or `sql`, or raise `max_rejected`.",
        )
