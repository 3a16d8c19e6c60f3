"""Say what the check `between` expects.

Lives here: Between and Bound.
Not here: checking (workloads.data.checks.between).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, field_validator

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.checks.check import CheckSpec
from mlops.config.schema.column_types import NUMBERS, TIMES, Takes


def _read(value: Any) -> Any:
    if isinstance(value, bool):
        raise FieldError(f"a bound is a number, a date such as 2013-12-31 or a timestamp; it is {str(value).lower()}")
    if not isinstance(value, str):
        return value
    for read in (float, dt.date.fromisoformat, dt.datetime.fromisoformat):
        try:
            bound = read(value)
        except ValueError:
            continue
        if getattr(bound, "tzinfo", None) is not None:
            raise FieldError("times are in UTC; write the timestamp without a zone")
        return bound
    raise FieldError(
        f"a bound is a number, a date such as 2013-12-31 or a timestamp; it is the text `{value[:60]}`. For texts there are "
        "`among` and `matches`"
    )


Bound = Annotated[float | dt.datetime | dt.date, BeforeValidator(_read)]


class Between(CheckSpec):
    """Every value that is there lies in an interval."""

    order: ClassVar[int] = 40

    between: tuple[Bound, Bound] | None = spec_field(
        None, doc="Closed interval of numbers, or of dates such as [2013-01-01, 2013-12-31]."
    )

    @classmethod
    def takes(cls, expected: tuple[Bound, Bound]) -> Takes:
        if isinstance(expected[0], dt.date):
            step = "For numbers write two numbers, for text use `among` or `matches`, or cast the column in the SQL."
            return Takes(TIMES, "compares dates", step)
        step = (
            "For dates write two dates, such as [2013-01-01, 2013-12-31]; for text use `among` or `matches`, or cast the "
            "column in the SQL."
        )
        return Takes(NUMBERS, "compares numbers", step)

    @field_validator("between")
    @classmethod
    def _ordered(cls, bounds: tuple[Any, Any] | None) -> tuple[Any, Any] | None:
        if bounds is not None:
            low, high = bounds
            if type(low) is not type(high):
                raise FieldError("the bounds are of two types; write two numbers, two dates or two timestamps")
            if low > high:
                raise FieldError(f"the lower bound comes first, and {low} is above {high}")
        return bounds
