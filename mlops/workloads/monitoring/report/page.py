"""Write the page.

Lives here: monitor_page, and MonitorReport, what it is made of.
Not here: charts (charts), HTML (workloads.pages), reading files (write).
Law: every text is escaped; what was acknowledged or closed stands there too, as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from mlops.contracts.watcher import BaselineFile, FindingColumn, MonitorFinding, WatcherConfig
from mlops.contracts.windows import JudgedWindow
from mlops.workloads.monitoring.report.charts import distribution, metrics_over_time, over_time, overview
from mlops.workloads.pages.html import DrawnChart, chart_sections, escaped, html_page, html_table

_MOST_DRAWN = 20
_KINDS = {"drift": "drift", "concept": "a worse model", "quality": "faults of values"}


@dataclass(frozen=True)
class MonitorReport:
    """`findings`: each with who acknowledged it and why, or None. `subject`: what was looked at. `by_time`: whether times of windows
    are Unix seconds, rather than numbers of rows."""

    config: WatcherConfig
    trained: BaselineFile
    windows: Sequence[JudgedWindow]
    findings: Sequence[tuple[MonitorFinding, Mapping[str, Any] | None]]
    subject: str
    by_time: bool = True


def monitor_page(report: MonitorReport) -> str:
    """Return a page of HTML that needs no other file."""
    parts = [_head(report), _findings(report)]
    drawn = 0
    for heading, charts in _groups(report):
        parts.append(f"{heading}{chart_sections(charts, first=drawn)}")
        drawn += len(charts)
    return html_page(report.config.monitor, "".join(parts))


def _head(report: MonitorReport) -> str:
    windows = report.windows
    lines = [f"{report.subject}, against {report.trained.rows:,} training rows."]
    if windows:
        rows = sum(window.rows for window in windows)
        span = f"{_moment(report, windows[0].since)} to {_moment(report, windows[-1].until)}"
        lines.append(f"{len(windows):,} window{_s(len(windows))} with {rows:,} rows, {span}.")
    else:
        lines.append("No window was judged yet.")
    if report.trained.calibration is None:
        lines.append(
            "The training data are too few to be calibrated, so distributions are not kept and only tests are shown."
        )
    said = "".join(f'<p class="quiet">{escaped(line)}</p>' for line in lines)
    count = sum(ack is None and finding.closed is None for finding, ack in report.findings)
    words = f"{count} open finding{_s(count)}." if count else "No open finding."
    return f'<h1>{escaped(report.config.monitor)}</h1>{said}<p class="{"warn" if count else "quiet"}">{words}</p>'


def _findings(report: MonitorReport) -> str:
    if not report.findings:
        return ""
    lines = []
    for finding, ack in _newest_first(report):
        state = f"acknowledged by {ack.get('who', '?')}: {ack.get('reason', '')}" if ack is not None else ""
        state = state or (f"closed {_text(report, finding.closed)}" if finding.closed else "open")
        span = f"{_text(report, finding.since)} to {_text(report, finding.until)}"
        lines.append([_KINDS[finding.kind], finding.severity, state, span, f"{finding.windows:,}", f"{finding.rows:,}"])
    heads = ["finding", "severity", "state", "seen", "windows", "rows"]
    table = html_table(heads, lines, numbers=(4, 5))
    notes = dict.fromkeys(finding.note for finding, _ in report.findings if finding.note)
    said = "".join(f'<p class="quiet">{escaped(f"{note[0].upper()}{note[1:]}.")}</p>' for note in notes)
    return f"<h2>Findings</h2>{table}{said}{_columns(report)}"


def _columns(report: MonitorReport) -> str:
    lines = []
    for finding, _ in _newest_first(report):
        for column in sorted(finding.columns, key=lambda one: -(one.explains or 0.0)):
            share = f"{column.explains:.0%}" if column.explains is not None else ""
            examples = ", ".join(column.examples)
            statistic, threshold = f"{column.statistic:.3g}", f"{column.threshold:.3g}"
            lines.append([_KINDS[finding.kind], column.name, column.method, statistic, threshold, share, examples])
    heads = ["finding", "column", "test", "statistic", "threshold", "explains", "examples"]
    return f"<h2>What moved</h2>{html_table(heads, lines, numbers=(3, 4, 5))}"


def _groups(report: MonitorReport) -> Iterator[tuple[str, list[DrawnChart]]]:
    """Yield a heading, as HTML, and the charts below it."""
    whole = overview(report.windows, by_time=report.by_time)
    if whole is not None:
        yield "", [whole]
    measured = metrics_over_time(report.windows, report.trained.metrics)
    if measured:
        yield "", measured
    names = _moved(report)
    for name, finding in names[:_MOST_DRAWN]:
        charts = [chart for chart in (_values(report, name, finding), _course(report, name)) if chart is not None]
        if charts:
            yield "", charts
    if len(names) > _MOST_DRAWN:
        yield f'<p class="quiet">{len(names) - _MOST_DRAWN} more columns moved, and are not drawn.</p>', []


def _moved(report: MonitorReport) -> list[tuple[str, MonitorFinding]]:
    """Return each column that moved with the newest finding that names it; those that explain most of what is open first."""
    newest: dict[str, tuple[MonitorFinding, FindingColumn, bool]] = {}
    for finding, ack in _newest_first(report):
        for column in finding.columns:
            parts = column.name.split(" and ") if column.method == "joint" else [column.name]
            for part in parts:
                newest.setdefault(part, (finding, column, ack is None and finding.closed is None))
    ordered = sorted(newest.items(), key=lambda item: (not item[1][2], -(item[1][1].explains or 0.0), item[0]))
    return [(name, finding) for name, (finding, _, _) in ordered]


def _values(report: MonitorReport, name: str, finding: MonitorFinding) -> DrawnChart | None:
    calibration = report.trained.calibration
    if calibration is None or name not in calibration.columns:
        return None
    since, until = (datetime.fromisoformat(text).timestamp() for text in (finding.since, finding.until))
    shown = [
        window for window in report.windows
        if name in window.counts and window.baseline == report.trained.digest and since <= window.since and window.until <= until + 1
    ]  # fmt: skip
    if not shown:
        return None
    counts = np.sum([window.counts[name] for window in shown], axis=0)
    span = f"{_text(report, finding.since)} to {_text(report, finding.until)}"
    whose = f"the {len(shown)} window{_s(len(shown))} from {span} ({int(counts.sum()):,} rows)"
    return distribution(name, calibration.columns[name], counts, whose)


def _course(report: MonitorReport, name: str) -> DrawnChart | None:
    return over_time(name, report.windows, by_time=report.by_time)


def _newest_first(report: MonitorReport) -> list[tuple[MonitorFinding, Mapping[str, Any] | None]]:
    return sorted(
        report.findings, key=lambda one: (one[1] is None and one[0].closed is None, one[0].since), reverse=True
    )


def _moment(report: MonitorReport, at: float) -> str:
    from mlops.workloads.monitoring.findings import iso

    return _text(report, iso(at))


def _text(report: MonitorReport, moment: str) -> str:
    """Return a time as people read it, or the number of a row."""
    at = datetime.fromisoformat(moment)
    return f"{at:%Y-%m-%d %H:%M}" if report.by_time else f"row {at.timestamp():,.0f}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
