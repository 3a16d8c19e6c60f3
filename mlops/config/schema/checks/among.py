"""Say what the check `among` expects.

Lives here: Among.
Not here: checking (workloads.data.checks.among).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Any, ClassVar

from pydantic import field_validator

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.checks.check import CheckSpec
from mlops.config.schema.column_types import NUMBERS, QUOTE_IT, TEXT, TIMES, Takes


class Among(CheckSpec):
    """Every value that is there is one of a list."""

    order: ClassVar[int] = 50

    among: tuple[bool | int | float | str, ...] | None = spec_field(None, doc="The allowed values.")

    @classmethod
    def takes(cls, expected: tuple[Any, ...]) -> Takes:
        """A list has one type; texts that are dates or timestamps are for columns of these, too."""
        shown = ", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in expected)
        does = f"lists {shown}"
        if any(isinstance(value, bool) for value in expected):
            return Takes(frozenset({"bool"}), does, f"If these are texts: {QUOTE_IT}")
        if any(isinstance(value, int | float) for value in expected):
            return Takes(NUMBERS, does, 'Write values of that type: texts in quotes, such as ["1", "2"].')
        step = "List values of that type, such as 2013-12-31 for a date, or cast the column in the SQL."
        return Takes(TEXT | TIMES if all(map(_is_time, expected)) else TEXT, does, step)

    @field_validator("among")
    @classmethod
    def _of_one_type(
        cls, values: tuple[bool | int | float | str, ...] | None
    ) -> tuple[bool | int | float | str, ...] | None:
        kinds = {"text" if isinstance(v, str) else "bool" if isinstance(v, bool) else "number" for v in values or ()}
        if len(kinds) < 2:
            return values
        if "bool" in kinds:
            raise FieldError(f"the list mixes true or false with other values. {QUOTE_IT.rstrip('.')}")
        raise FieldError(
            'the list mixes numbers and texts; write all of them in quotes for a column of texts: ["1", "x"]'
        )


def _is_time(text: str) -> bool:
    for read in (dt.date.fromisoformat, dt.datetime.fromisoformat):
        with suppress(ValueError):
            read(text)
            return True
    return False
