"""Say which intervals there are, and which of them are due.

Lives here: the names and bounds of intervals, and due_intervals, which both a plan and a scheduled run ask.
Not here: the rows of an interval (workloads.scoring.survey), what was scored (scoring's ledger).
Law: pure; an interval that was scored is not due again unless it is named, or `restate` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mlops.contracts.scoring import IntervalRows, LedgerLine

WHOLE = "all"
"""The name of the only interval where no column says when a row was."""
MONDAY = "1970-01-05"
"""Intervals are counted from here, so that days begin at midnight (UTC) and weeks on Monday."""
_ORIGIN = datetime(1970, 1, 5, tzinfo=UTC)
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class DueInterval:
    """An interval to score. `why`: `new`, `named`, `version`, `rows` or `gone`."""

    name: str
    rows: int
    digest: str
    why: str


def interval_name(start: datetime, length: float) -> str:
    """Return the name of the interval that begins at `start` (UTC): 2013-12-01, or 2013-12-01T06:30 where days are cut."""
    return f"{start:%Y-%m-%d}" if length % _DAY == 0 else f"{start:%Y-%m-%dT%H:%M}"


def start_of(name: str) -> datetime:
    """Return when an interval begins. Raises ValueError for a text that names none."""
    return datetime.fromisoformat(name).replace(tzinfo=UTC)


def begins_interval(start: datetime, length: float) -> bool:
    """Say whether an interval of this length begins then."""
    return (start - _ORIGIN) % timedelta(seconds=length) == timedelta()


def latest(lines: Iterable[LedgerLine]) -> dict[str, LedgerLine]:
    """Return the last line of each interval."""
    return {line.interval: line for line in lines}


def due_intervals(
    found: Iterable[IntervalRows], ledger: Mapping[str, LedgerLine], *, rules: DueRules, now: float, missing: Iterable[str] = ()
) -> tuple[DueInterval, ...]:  # fmt: skip
    """Return what is due of the intervals that were `found`, in their order. `missing`: scored ones whose rows are gone."""
    gone = set(missing)
    due = []
    for one in found:
        why = _why(one, ledger.get(one.name), rules, is_gone=one.name in gone)
        if why and rules.is_over(one.name, now):
            due.append(DueInterval(one.name, one.rows, one.digest, why))
    return tuple(due)


@dataclass(frozen=True, slots=True)
class DueRules:
    """`length`: seconds of an interval, None for the only one. `since`: a date. `version`: digest of the package, None where
    it is not built yet. `restate`: as the YAML says."""

    length: float | None
    delay: float
    since: str | None
    restate: str
    version: str | None

    def is_over(self, name: str, now: float) -> bool:
        """Say whether an interval has ended, with its delay, and is not before `since`."""
        if self.length is None:
            return True
        if self.since is not None and name < self.since:
            return False
        return start_of(name).timestamp() + self.length + self.delay <= now


def _why(one: IntervalRows, line: LedgerLine | None, rules: DueRules, *, is_gone: bool) -> str:
    if line is None:
        return "new"
    if line.again is not None:
        return "named"
    if is_gone:
        return "gone"
    if rules.version not in (None, line.version) and rules.restate in ("on_new_version", "on_both"):
        return "version"
    is_other = rows_differ(one, line)
    return "rows" if is_other and (rules.length is None or rules.restate in ("on_new_rows", "on_both")) else ""


def rows_differ(one: IntervalRows, line: LedgerLine) -> bool:
    """Say whether an interval has other rows than were scored. Digests of another DuckDB cannot be compared; counts can."""
    same_kind = one.digest.partition(":")[0] == line.digest.partition(":")[0]
    return one.rows != line.rows + line.rejected or (same_kind and one.digest != line.digest)
