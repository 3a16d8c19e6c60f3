"""Say what the check `unique` expects.

Lives here: Unique.
Not here: checking (workloads.data.checks.unique).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.checks.check import CheckSpec


class Unique(CheckSpec):
    """No value of the column stands twice."""

    order: ClassVar[int] = 30

    unique: bool = spec_field(False, doc="No value may stand twice.")
