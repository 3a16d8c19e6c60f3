"""Say what the check `not_null` expects.

Lives here: NotNull.
Not here: checking (workloads.data.checks.not_null).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.checks.check import CheckSpec


class NotNull(CheckSpec):
    """No value of the column is missing."""

    order: ClassVar[int] = 10

    not_null: bool = spec_field(False, doc="No value may be missing.")
