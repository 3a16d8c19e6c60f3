"""Say what a watcher keeps of each window that it judged.

Lives here: JudgedWindow, a line of windows.jsonl, with its tests; ReplayRequest and ReplayAnswer.
Not here: judging (workloads.monitoring), findings (watcher).
Law: a line is written once its window is judged; the last line of a window counts, and one that is cut off counts as none.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from mlops.contracts.codec import Contract, Document
from mlops.contracts.watcher import MonitorFinding

WINDOWS_FILE = "windows.jsonl"
"""In the folder of a monitor, beside its findings."""


class JudgedTest(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """What one test of one column measured."""

    name: Annotated[str, Meta(description="The column.")]
    method: Annotated[str, Meta(description="The test, as in a finding.")]
    statistic: Annotated[float, Meta(description="What it measured.")]
    threshold: Annotated[float, Meta(description="From where it matters.")]
    moved: Annotated[bool, Meta(description="Whether the column moved.")] = False


class JudgedWindow(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """One line of `windows.jsonl`, JSON: a window that was judged."""

    since: Annotated[float, Meta(description="Its beginning, in Unix seconds.")]
    until: Annotated[float, Meta(description="Its end.")]
    rows: Annotated[int, Meta(description="Its rows.")]
    baseline: Annotated[str, Meta(description="Digest of the baseline that it was compared with.")]
    tests: Annotated[tuple[JudgedTest, ...], Meta(description="All its tests.")] = ()
    counts: Annotated[
        dict[str, tuple[int, ...]],
        Meta(description="Column -> rows in each bin of the baseline's calibration; none where it has no calibration."),
    ] = field(default_factory=dict)
    live: Annotated[dict[str, float], Meta(description="Metrics from late labels, as they stood then.")] = field(
        default_factory=dict
    )


class ReplayRequest(Document, kw_only=True, frozen=True, omit_defaults=True):
    """What `python -m mlops.workloads.monitoring.replay REQUEST ANSWER` reads."""

    config: Annotated[str, Meta(description="Path of the configuration of the monitor's watcher.")]
    rows: Annotated[str, Meta(description="Path of a Parquet, CSV, JSON or JSON Lines file of raw rows.")]
    per_window: Annotated[
        int | None, Meta(description="Rows of a window; null: windows by the column of time, where the rows have it.")
    ] = None
    page: Annotated[str | None, Meta(description="Where to write the page of what was found; null: nowhere.")] = None


class ReplayAnswer(Document, kw_only=True, frozen=True, omit_defaults=True):
    """What it writes."""

    windows: Annotated[tuple[JudgedWindow, ...], Meta(description="What was judged, in order.")] = ()
    findings: Annotated[tuple[MonitorFinding, ...], Meta(description="What would have been found.")] = ()
    by_time: Annotated[bool, Meta(description="Whether windows are by time, rather than by count.")] = False
    lacking: Annotated[tuple[str, ...], Meta(description="Columns that the rows lack, and that were not tested.")] = ()
    left_over: Annotated[int, Meta(description="Rows at the end that are too few for a window.")] = 0
    problem: Annotated[str, Meta(description="Why nothing could be judged; empty where it was.")] = ""
