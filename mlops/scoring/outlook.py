"""Say what of a batch is due, and what it will take.

Lives here: Outlook, outlook_of, and the sentences of a plan: spans of intervals, time from the last ones.
Not here: which intervals there are (survey), drawing (render).
Law: pure but for reading the ledger; the same ledger, rows and clock give the same outlook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops.contracts.intervals import DueInterval, DueRules, due_intervals, rows_differ
from mlops.contracts.scoring import IntervalsAnswer, LedgerLine
from mlops.scoring.place import ScoresPlace

if TYPE_CHECKING:
    from mlops.config.schema.batch import BatchScoring

_LAST = 10
"""So many of the intervals that were scored last say how long the next take."""
_WHYS = {
    "new": "", "named": "named by `mlops batch rerun`", "version": "the package is another", "rows": "their rows are others",
    "gone": "their files are gone",
}  # fmt: skip


@dataclass(frozen=True)
class Outlook:
    """`due`: in their order. `ledger`: what was scored. `other`: scored intervals whose rows are others now, and which `restate`
    leaves alone. `undated`: rows without a time."""

    due: tuple[DueInterval, ...]
    ledger: Mapping[str, LedgerLine] = field(default_factory=dict)
    other: tuple[str, ...] = ()
    undated: int = 0

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.due)

    @property
    def seconds(self) -> float | None:
        """How long scoring what is due takes, by the intervals that were scored last; None where none was."""
        last = sorted((line for line in self.ledger.values() if line.again is None), key=lambda line: line.at)[-_LAST:]
        rows = sum(line.rows + line.rejected for line in last)
        return sum(line.seconds for line in last) / rows * self.rows if rows else None

    def sentence(self) -> str:
        """Say what is due: 7 intervals due: 2013-12-01 … 2013-12-07 (8,412 rows)."""
        count = len(self.due)
        return f"{count} interval{'' if count == 1 else 's'} due: {span([one.name for one in self.due])} ({self.rows:,} rows)"

    def notes(self) -> tuple[str, ...]:
        """Say why intervals that were scored are due again, and how long all take."""
        lines = []
        for why, words in _WHYS.items():
            names = [one.name for one in self.due if one.why == why]
            if words and names:
                lines.append(f"scored again, because {words}: {span(names)}")
        if self.due and self.seconds is not None:
            lines.append(f"about {spoken_seconds(self.seconds)} (as the last ones)")
        return tuple(lines)


def outlook_of(
    batch: BatchScoring, place: ScoresPlace, survey: IntervalsAnswer, *, version: str | None, now: float
) -> Outlook:
    """Compare what the source holds with what was scored. `version`: digest of the package, None where none is built yet.
    Raises MlopsError where the place cannot be read."""
    ledger = place.ledger()
    since = str(batch.since) if batch.since else None
    rules = DueRules(batch.interval, batch.delay, since, batch.restate, version)
    due = due_intervals(survey.intervals, ledger, rules=rules, now=now, missing=place.missing(ledger))
    waiting = {one.name for one in due}
    other = tuple(
        one.name
        for one in survey.intervals
        if one.name in ledger and one.name not in waiting and rows_differ(one, ledger[one.name])
    )
    return Outlook(due, ledger, other, survey.undated)


def span(names: Sequence[str]) -> str:
    """Name a few intervals, or the first and the last of many."""
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} … {names[-1]}"


def spoken_seconds(seconds: float) -> str:
    """Return a length of time as people say it."""
    if seconds < 1:
        return "a second"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
