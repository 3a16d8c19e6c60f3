"""Watch an endpoint.

Lives here: Watcher, and the process that runs it.
Not here: the rows of a window and their tests (window_rows), late labels (labels, live), findings (findings).
Law: a window is judged once, after it is over; what was judged is remembered over a restart.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from msgspec import structs

from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.watcher import FindingColumn, WatcherConfig, WatcherStatus
from mlops.contracts.windows import WINDOWS_FILE
from mlops.metrics.task import Task
from mlops.workloads.monitoring.alerts.alerter import Alerter, start_alerts, through_apprise
from mlops.workloads.monitoring.column_test import with_shares
from mlops.workloads.monitoring.estimate import ESTIMATED, estimated_metric
from mlops.workloads.monitoring.exposition import Exposition, serve_metrics
from mlops.workloads.monitoring.findings import Evidence, FindingKind, Findings, iso
from mlops.workloads.monitoring.history import WindowHistory, judged_window
from mlops.workloads.monitoring.label_table import LabelTable
from mlops.workloads.monitoring.labels import FEWEST, Labels
from mlops.workloads.monitoring.live import Judged, LiveModel
from mlops.workloads.monitoring.traffic import Traffic
from mlops.workloads.monitoring.value_tests import moved_by_kind
from mlops.workloads.monitoring.window_rows import Baseline, WindowRows
from mlops.workloads.parent_death import die_with_parent
from mlops.workloads.prediction_log import LogEntry, UnreadLines, first_time

_LATE = 2.5
"""Seconds after a window's end until its lines are in the log: its flush, and a breath. A line that comes later, as from a busy
disk, is of the next window."""

_LOOK_SECONDS = 5.0
_LOOK_SHARE = 10.0
"""Where windows end by rows, the log is read again after so many times as long as reading it took."""


class Watcher:
    """Judges the windows of one endpoint's log. Raises ContractError where the baseline does not fit."""

    def __init__(self, config: WatcherConfig) -> None:
        self._config = config
        self._log, self._out = Path(config.log_dir), Path(config.out_dir)
        contract = json.loads(Path(config.contract).read_text())
        self._baseline = Baseline(Path(config.baseline_dir), contract, config.drift)
        self._trained = self._baseline.trained
        self._out.mkdir(parents=True, exist_ok=True)
        self._findings = Findings(self._out / "findings", config.monitor, self._trained.digest)
        model = self._trained.digest[:12]
        self._labels = Labels(contract, self._out, keep=config.labels_keep, model=model)
        reference, rate = self._trained.reference, config.drift.false_alarms
        self._live = (
            LiveModel(contract, self._labels, reference, self._trained.metrics, rate=rate) if reference else None
        )
        self._history = WindowHistory(self._out / WINDOWS_FILE)
        self._next_look = 0.0
        self._traffic = Traffic(self._out, rate=rate)
        source = config.labels_source
        self._table = LabelTable(source, self._labels, self._out) if source else None
        self._status = self._read_status()

    @property
    def folder(self) -> Path:
        """The folder of what it finds."""
        return self._out

    def _read_status(self) -> WatcherStatus:
        try:
            return decode(WatcherStatus, (self._out / "status.json").read_bytes())
        except (OSError, ContractError):
            return WatcherStatus()

    def log_findings(self) -> None:
        """Write once more into the log what was found before this process began."""
        self._findings.log_all()

    def tick(self, now: float) -> bool:
        """Judge at most one window that is over; False where none is."""
        start = self._status.cursor
        if start is None:
            first = first_time(self._log)
            if first is None:
                return False
            window = self._config.window
            start = first if self._config.window_rows else first // window * window
            self._change(cursor=start, read={})
        end = self._end(start, now - _LATE)
        if end is None:
            return False
        log = UnreadLines(self._log, start, self._status.read)
        window_rows = self._counted(log, end)
        if self._table is not None:
            self._table.read(end)
        counts = self._labels.settle(end)
        self._change(labels=structs.replace(counts, source=self._table.problem) if self._table else counts)
        rows = window_rows.count
        if rows == 0:
            self._judge_silence(window_rows, start=start, end=end)
            self._change(cursor=end, read=log.read, quiet=0)
        elif rows < self._config.min_rows and not self._config.window_rows:
            self._change(quiet=self._status.quiet + 1)
        else:
            self._judge(window_rows, start=start, end=end)
            windows, total = self._status.windows + 1, self._status.rows + rows
            self._change(windows=windows, last=iso(end), rows=total, cursor=end, read=log.read, quiet=0)
        self._keep()
        return True

    def _end(self, start: float, until: float) -> float | None:
        """Return the end of the window that begins at `start`; None where it is not over. `until`: what is surely in the log."""
        if not self._config.window_rows:
            over = start + self._config.window * (1 + self._status.quiet)
            return over if over <= until else None
        if until < self._next_look:
            return None
        began = time.monotonic()
        found = UnreadLines(self._log, start, self._status.read).end_of_rows(until, self._config.window_rows)
        self._next_look = until if found else until + max(_LOOK_SECONDS, _LOOK_SHARE * (time.monotonic() - began))
        return found

    def _change(self, **fields: Any) -> None:
        self._status = structs.replace(self._status, **fields)

    def _counted(self, log: UnreadLines, end: float) -> WindowRows:
        """Return the rows of the window; late labels are joined on the way."""
        window = WindowRows(self._baseline)
        for entry in log.entries(end):
            if entry.answers is not None:
                window.answered(entry.answers)
                continue
            if entry.feedback is not None:
                self._labels.add(entry.feedback, at=entry.at)
                continue
            values = [self._baseline.answer_of(prediction) for prediction in entry.predictions]
            self._labels.predicted(entry.id, values, at=entry.at, slices=self._slices_of(entry, len(values)))
            for row, value, prediction in zip(entry.rows, values, entry.predictions, strict=False):
                window.add(row, value, self._baseline.confidence(prediction))
        return window

    def _slices_of(self, entry: LogEntry, count: int) -> list[Any] | None:
        """Return for each prediction the values of the columns by which late labels are measured too."""
        names = self._config.slices
        if not names:
            return None
        rows = [*entry.rows, *[{}] * count][:count]
        return [{name: str(row[name]) for name in names if row.get(name) is not None} for row in rows]

    def _judge(self, window: WindowRows, *, start: float, end: float) -> None:
        tests = window.tests(end - start) + self._traffic.judge(start, end, window.answers)
        judged = self._measure(window)
        live = dict(judged.live) if judged.worse and judged.live else self._status.live
        self._history.add(
            judged_window(
                (start, end), window.count, tests, baseline=self._trained.digest, counts=window.counts, live=live
            )
        )
        training = self._trained.metrics
        evidence = Evidence(
            start, end, window.count, live, training, tested=len(self._baseline.kinds), note=self._baseline.note(start)
        )
        for kind, columns in moved_by_kind(tests).items():
            self._find(kind, columns, evidence)
        self._judge_labels(judged, evidence)

    def _judge_silence(self, window: WindowRows, *, start: float, end: float) -> None:
        """Judge a window in which no row was answered: by how the endpoint was asked alone."""
        moved = [test for test in self._traffic.judge(start, end, window.answers) if test.moved]
        if moved:
            evidence = Evidence(start, end, 0, self._status.live, self._trained.metrics, tested=1)
            self._find("quality", with_shares(moved), evidence)

    def _measure(self, window: WindowRows) -> Judged:
        """Measure late labels, and estimate what the window's will say."""
        if self._live is None:
            live = self._labels.measure()
            self._change(live=live)
            return self._by_metric(live)
        judged = self._live.judge()
        recent, slices = self._live.recent()
        counted = {"rows": float(recent.rows)} if recent else {"rows": float(len(self._labels.store.recent(FEWEST)))}
        self._change(
            live={**counted, **(recent.metrics if recent else {})}, intervals=recent.intervals if recent else {},
            live_windows=self._live.windows(), live_slices=slices, estimated=self._estimated(window),
        )  # fmt: skip
        return judged

    def _estimated(self, window: WindowRows) -> dict[str, tuple[float, ...]]:
        reference, counts = self._trained.reference, window.confidences()
        if reference is None or reference.bins is None or counts is None:
            return {}
        task = Task(self._trained.task)
        found = estimated_metric(task, counts, reference.right, reference.bins.counts)
        return {ESTIMATED[task]: found} if found else {}

    def _by_metric(self, live: dict[str, float]) -> Judged:
        """Judge where the baseline says nothing of single rows, as of forecasts: by how much worse a metric is."""
        worse = self._labels.worse(live, self._trained.metrics)
        if worse is None:
            return Judged(is_new=len(live) > 1, is_clean=True, live=live)
        threshold = self._trained.metrics[f"test_{worse}"]
        column = FindingColumn(name=worse, method="live", statistic=live[worse], p=None, threshold=threshold)
        return Judged(is_new=True, worse=column, live=live)

    def _judge_labels(self, judged: Judged, evidence: Evidence) -> None:
        if judged.worse is not None:
            self._find("concept", [judged.worse], evidence)
        elif judged.is_new and judged.is_clean:
            self._find("concept", [], evidence)
        if judged.shifted is not None:
            self._find("labels", with_shares(judged.shifted), evidence)
        if self._live is not None:
            self._live.found(judged)

    def _find(self, kind: FindingKind, columns: list[FindingColumn], evidence: Evidence) -> None:
        """Keep what a window shows of a kind, or that it shows nothing."""
        if columns:
            self._findings.keep(kind, columns, evidence)
        else:
            self._findings.clean(kind, evidence.until)

    def _keep(self) -> None:
        path = self._out / "status.json"
        temporary = path.with_suffix(".part")
        temporary.write_text(encode(self._status, indent=2) + "\n")
        temporary.replace(path)


def main() -> None:
    """Run with CONFIG.json and, to judge the windows that are over and end, `--once`."""
    die_with_parent()
    path = Path(sys.argv[1])
    try:
        config = decode(WatcherConfig, path.read_bytes())
        watcher = Watcher(config)
    except ContractError as error:
        sys.exit(f"Error: {path}, or the baseline that it names, does not fit: {error}.")
    watcher.log_findings()
    print("watching", flush=True)
    once = "--once" in sys.argv[2:]
    exposition = Exposition(watcher.folder, config.monitor)
    exposition.write(time.time())
    if not once:
        start_alerts(watcher.folder)
        if config.metrics_port is not None:
            serve_metrics(watcher.folder, config.metrics_host, config.metrics_port)
    while True:
        judged = watcher.tick(time.time())
        exposition.write(time.time(), anew=judged)
        if not judged:
            if once:
                Alerter(watcher.folder, through_apprise).tick(time.time())
                return
            time.sleep(0.5)


if __name__ == "__main__":
    main()
