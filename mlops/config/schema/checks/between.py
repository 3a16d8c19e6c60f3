"""Say what the check `between` expects.

Lives here: Between.
Not here: checking (workloads.data.checks.between).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.checks.check import CheckSpec


class Between(CheckSpec):
    """Every value that is there lies in an interval."""

    order: ClassVar[int] = 40

    between: tuple[float, float] | None = spec_field(None, doc="Closed interval.")
