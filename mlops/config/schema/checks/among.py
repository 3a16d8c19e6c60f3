"""Say what the check `among` expects.

Lives here: Among.
Not here: checking (workloads.data.checks.among).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.checks.check import CheckSpec


class Among(CheckSpec):
    """Every value that is there is one of a list."""

    order: ClassVar[int] = 50

    among: tuple[bool | int | float | str, ...] | None = spec_field(None, doc="The allowed values.")

    @field_validator("among")
    @classmethod
    def _of_one_type(
        cls, values: tuple[bool | int | float | str, ...] | None
    ) -> tuple[bool | int | float | str, ...] | None:
        kinds = {"text" if isinstance(v, str) else "bool" if isinstance(v, bool) else "number" for v in values or ()}
        if len(kinds) < 2:
            return values
        if "bool" in kinds:
            raise FieldError(
                "the list mixes true or false with other values. YAML reads NO, yes, on and off as true or false; write "
                'them in quotes: ["NO", "SE"]'
            )
        raise FieldError(
            'the list mixes numbers and texts; write all of them in quotes for a column of texts: ["1", "x"]'
        )
