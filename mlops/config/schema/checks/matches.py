"""Say what the check `matches` expects.

Lives here: Matches.
Not here: checking (workloads.data.checks.matches).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.checks.check import CheckSpec


class Matches(CheckSpec):
    """Every text that is there matches a regular expression."""

    order: ClassVar[int] = 60

    matches: str | None = spec_field(None, doc="A regular expression that the whole text must match.")
