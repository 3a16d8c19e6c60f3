"""Say what the check `rows` expects.

Lives here: RowCount.
Not here: checking (workloads.data.checks.rows).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import Strict, spec_field
from mlops.config.schema.checks.check import CheckSpec


class RowBounds(Strict):
    """The least and the largest number of rows."""

    min: int | None = spec_field(None, doc="The least number of rows.", ge=0)
    max: int | None = spec_field(None, doc="The largest number of rows.", ge=0)


class RowCount(CheckSpec):
    """The number of rows lies within bounds."""

    order: ClassVar[int] = 10
    on_table: ClassVar[bool] = True

    rows: RowBounds | None = spec_field(None, doc="Bounds of the number of rows.")
