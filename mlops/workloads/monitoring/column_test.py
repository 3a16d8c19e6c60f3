"""Say what a test of a column has measured.

Lives here: ColumnTest.
Not here: the tests (drift, value_tests).
Law: a test measures; whether the column moved is decided once all tests of the window are known.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlops.contracts.watcher import FindingColumn


@dataclass(frozen=True, slots=True)
class ColumnTest:
    """One test of one column. `statistic`, `p` and `threshold` are those of `method`; `examples`: values never seen."""

    name: str
    method: str
    statistic: float
    p: float | None
    threshold: float
    moved: bool = False
    examples: tuple[str, ...] = ()

    def column(self) -> FindingColumn:
        """Return the test as it stands in a finding."""
        return FindingColumn(
            name=self.name, method=self.method, statistic=round(self.statistic, 4), p=self.p, threshold=self.threshold,
            examples=self.examples,
        )  # fmt: skip
