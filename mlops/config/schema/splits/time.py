"""Say what a split by time may say.

Lives here: TimeSplit.
Not here: splitting (workloads.data.splits.time).
Law: rows of later splits are newer than those of earlier ones.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import Column, spec_field
from mlops.config.schema.column_types import TIMES, Takes
from mlops.config.schema.splits.split import SplitSpec

Period = Annotated[str, Field(pattern=r"^\d+ (day|week|month|year)s?$")]


class TimeSplit(SplitSpec):
    """The newest `test` before `until` (inclusive) is the test split, `val` before that validates, the rest trains."""

    order: ClassVar[int] = 10
    takes: ClassVar[Takes] = Takes(
        TIMES,
        "needs dates or timestamps",
        "Cast it in the SQL, CAST({column} AS DATE) AS {column}, or say another column.",
    )

    by: Literal["time"] = spec_field(doc="How rows are split.")
    column: Column = spec_field(doc="A date or timestamp column.")
    until: dt.date | None = spec_field(None, doc="The last day taken. Default: the newest in the data.")
    since: dt.date | None = spec_field(None, doc="The first day taken. Default: the oldest in the data.")
    val: Period = spec_field(doc="Such as `1 month`; whole calendar periods counted back from the end.")
    test: Period = spec_field(doc="Such as `3 months`; the newest rows, which only the evaluation sees.")

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def time_column(self) -> str:
        return self.column
