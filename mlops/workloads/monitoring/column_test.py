"""Say what a test of a column has measured.

Lives here: ColumnTest, and with_shares, which shares a shift out among its columns.
Not here: the tests (drift, value_tests).
Law: a test measures; whether the column moved is decided once all tests of the window are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

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


def with_shares(moved: Sequence[ColumnTest]) -> list[FindingColumn]:
    """Return tests that moved as they stand in a finding, with the share of the shift that each column explains.

    A test weighs by how far it is beyond its threshold, in thresholds. A pair of columns that no longer go together explains
    for both of them; the share of a column is the same in all its tests.
    """
    weights: dict[str, float] = {}
    for test in moved:
        parts = test.name.split(" and ") if test.method == "joint" else [test.name]
        for part in parts:
            weights[part] = weights.get(part, 0.0) + test.statistic / max(test.threshold, 1e-9) / len(parts)
    total = sum(weights.values())
    found = []
    for test in moved:
        parts = test.name.split(" and ") if test.method == "joint" else [test.name]
        share = sum(weights[part] for part in parts) / total if total else None
        found.append(structs.replace(test.column(), explains=None if share is None else round(share, 3)))
    return found
