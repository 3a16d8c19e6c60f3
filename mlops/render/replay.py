"""Draw a replay as lines.

Lives here: render_replay.
Not here: judging (workloads.monitoring), the page of it (workloads.monitoring.report).
Law: one line for each window, in their order, with what moved in it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops.render.paint import Paint

if TYPE_CHECKING:
    from mlops.contracts.watcher import MonitorFinding
    from mlops.contracts.windows import JudgedWindow, ReplayAnswer

_MOST_NAMED = 4


def render_replay(answer: ReplayAnswer, *, color: bool = False) -> str:
    """Return the windows, then the findings that they would have made."""
    paint = Paint(color)
    lines = [f"not compared, because the rows lack it: {name}" for name in answer.lacking]
    if not answer.windows:
        return "\n".join([*lines, f"No window: {answer.left_over:,} rows are fewer than a window needs."])
    for window in answer.windows:
        moved = _moved(window)
        text = f"{_span(window, by_time=answer.by_time)}  {window.rows:>9,} rows  {moved or 'clean'}"
        lines.append(paint(text, "warn") if moved else text)
    count, found = len(answer.windows), sum(bool(_moved(window)) for window in answer.windows)
    left = f"; the last {answer.left_over:,} rows are too few for a window" if answer.left_over else ""
    lines += ["", f"{found} of {count} window{'' if count == 1 else 's'} moved{left}."]
    lines += [_finding(finding, by_time=answer.by_time) for finding in answer.findings]
    return "\n".join(lines)


def _moved(window: JudgedWindow) -> str:
    moved = [test for test in window.tests if test.moved]
    named = ", ".join(f"{test.name} ({test.method} {test.statistic:.2f})" for test in moved[:_MOST_NAMED])
    return named + (f" and {len(moved) - _MOST_NAMED} more" if len(moved) > _MOST_NAMED else "")


def _span(window: JudgedWindow, *, by_time: bool) -> str:
    if not by_time:
        return f"rows {window.since + 1:>9,.0f} to {window.until:>9,.0f}"
    since, until = (datetime.fromtimestamp(at, UTC) for at in (window.since, window.until))
    return f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}"


def _finding(finding: MonitorFinding, *, by_time: bool) -> str:
    since = finding.since[:16].replace("T", " ") if by_time else f"row {_row(finding.since):,.0f}"
    windows = f"{finding.windows} window{'' if finding.windows == 1 else 's'}"
    end = "closed by clean windows" if finding.closed else "still open at the end"
    names = ", ".join(dict.fromkeys(column.name for column in finding.columns))
    return f"{finding.kind} ({finding.severity}) since {since}, {windows}, {end}: {names}"


def _row(moment: str) -> float:
    """Return the row that a finding began at: where windows have no time, its moments are numbers of rows."""
    return datetime.fromisoformat(moment).timestamp() + 1
