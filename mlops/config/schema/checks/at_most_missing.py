"""Say what the check `at_most_missing` expects.

Lives here: AtMostMissing.
Not here: checking (workloads.data.checks.at_most_missing).
Law: the default means that nothing is checked.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.checks.check import CheckSpec
from mlops.config.schema.units import Share


class AtMostMissing(CheckSpec):
    """A share of the values, and no more, is missing."""

    order: ClassVar[int] = 20

    at_most_missing: Share | None = spec_field(None, doc="The largest share of missing values.")
