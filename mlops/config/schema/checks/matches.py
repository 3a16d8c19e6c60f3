"""Say what the check `matches` expects.

Lives here: Matches.
Not here: checking (workloads.data.checks.matches).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

import re
import warnings
from typing import ClassVar

from pydantic import field_validator

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.checks.check import CheckSpec
from mlops.config.schema.column_types import TEXT, Takes

_BROKEN = ("missing )", "unbalanced parenthesis", "unterminated character set", "nothing to repeat")


class Matches(CheckSpec):
    """Every text that is there matches a regular expression."""

    order: ClassVar[int] = 60

    matches: str | None = spec_field(None, doc="A regular expression that the whole text must match.")

    @classmethod
    def takes(cls, expected: str) -> Takes:
        step = "Use `between` or `among`, or make it text in the SQL: CAST({column} AS VARCHAR) AS {column}."
        return Takes(TEXT, "is for text", step)

    @field_validator("matches")
    @classmethod
    def _closed(cls, pattern: str | None) -> str | None:
        """Refuse what is broken in every dialect; the one of the check is RE2, which has no module that starts fast."""
        try:
            with warnings.catch_warnings(action="ignore"):
                re.compile(pattern or "")
        except re.error as error:
            if error.msg.startswith(_BROKEN) and "\\Q" not in str(pattern):
                raise FieldError(f"`{pattern}` is no regular expression: {error.msg}") from error
        return pattern
