"""Say what the check `among` expects.

Lives here: Among.
Not here: checking (workloads.data.checks.among).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.checks.check import CheckSpec


class Among(CheckSpec):
    """Every value that is there is one of a list."""

    order: ClassVar[int] = 50

    among: tuple[bool | int | float | str, ...] | None = spec_field(None, doc="The allowed values.")
