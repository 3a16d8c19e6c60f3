"""Watch an endpoint.

Lives here: Watcher, and the process that runs it.
Not here: the tests (drift), late labels (labels), findings (findings).
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
from mlops.contracts.watcher import BaselineFile, FindingColumn, WatcherConfig, WatcherStatus
from mlops.workloads.answer_row import answer_row
from mlops.workloads.monitoring.alerts.alerter import Alerter, start_alerts, through_apprise
from mlops.workloads.monitoring.drift import compare
from mlops.workloads.monitoring.facts import WindowCounts
from mlops.workloads.monitoring.findings import Evidence, FindingKind, Findings, iso
from mlops.workloads.monitoring.labels import Labels
from mlops.workloads.monitoring.profile import Profile, is_prediction, prediction_column
from mlops.workloads.monitoring.value_tests import QUALITY
from mlops.workloads.monitoring.values import reader_of
from mlops.workloads.parent_death import die_with_parent
from mlops.workloads.prediction_log import entries_between, first_time

_LATE = 2.5
"""Seconds after a window's end until its lines are surely in the log: its flush, and a breath."""
_BATCH = 10_000


class Watcher:
    """Judges the windows of one endpoint's log. Raises ContractError where the baseline does not fit."""

    def __init__(self, config: WatcherConfig) -> None:
        self._config = config
        self._log, self._out = Path(config.log_dir), Path(config.out_dir)
        self._contract = json.loads(Path(config.contract).read_text())
        self._own_row = answer_row(self._contract)
        folder = Path(config.baseline_dir)
        self._trained = decode(BaselineFile, (folder / "baseline.json").read_bytes())
        self._kinds = self._trained.kinds
        self._baseline = Profile.read(folder / "baseline.bin", self._trained.rows)
        self._out.mkdir(parents=True, exist_ok=True)
        self._findings = Findings(self._out / "findings", config.monitor, self._trained.digest)
        self._labels = Labels(self._contract, self._out, keep=config.labels_keep)
        types = {column["name"]: column["type"] for column in self._contract.get("columns", ())}
        self._readers = {name: reader_of(kind, types.get(name)) for name, kind in self._kinds.items()}
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
        window = self._config.window
        start = self._status.cursor
        if start is None:
            first = first_time(self._log)
            if first is None:
                return False
            start = first // window * window
            self._change(cursor=start)
        end = start + window * (1 + self._status.quiet)
        if now < end + _LATE:
            return False
        counts = WindowCounts(self._trained.columns or {}, self._kinds)
        profile = self._profile(start, end, counts)
        self._change(labels=self._labels.settle(end))
        rows = profile.rows if profile else 0
        if profile is None or rows == 0:
            self._change(cursor=end, quiet=0)
        elif rows < self._config.min_rows:
            self._change(quiet=self._status.quiet + 1)
        else:
            self._judge(profile, counts, start=start, end=end)
            windows, total = self._status.windows + 1, self._status.rows + rows
            self._change(windows=windows, last=iso(end), rows=total, cursor=end, quiet=0)
        self._keep()
        return True

    def _change(self, **fields: Any) -> None:
        self._status = structs.replace(self._status, **fields)

    def _profile(self, start: float, end: float, counts: WindowCounts) -> Profile | None:
        """Return the profile of all rows of the window and count them, batch by batch; late labels are joined on the way."""
        names = [name for name in self._kinds if not is_prediction(name)]
        output = self._contract["outputs"][0]["name"]
        columns: dict[str, list[Any]] = {name: [] for name in self._kinds}
        profile: Profile | None = None
        for entry in entries_between(self._log, start, end):
            if entry.feedback is not None:
                self._labels.add(entry.feedback, at=entry.at)
                continue
            values = [self._value(prediction, output) for prediction in entry.predictions]
            self._labels.predicted(entry.id, values, at=entry.at)
            for row, value in zip(entry.rows, values, strict=False):
                for name in names:
                    columns[name].append(self._readers[name](row.get(name)))
                for part, compared in (self._own_row.compared(value) if self._own_row else {"": value}).items():
                    name = prediction_column(part)
                    if name in columns:
                        columns[name].append(self._readers[name](compared))
            if len(columns[names[0]]) >= _BATCH:
                profile, columns = self._merged(profile, columns, counts), {name: [] for name in self._kinds}
        return self._merged(profile, columns, counts) if columns[names[0]] else profile

    def _value(self, prediction: dict[str, Any], output: str) -> Any:
        """Return what of one answer is compared, and what its label is held against; of several numbers a row, all of them."""
        if self._own_row:
            return self._own_row.read(prediction)
        if self._contract["task"] == "regression":
            return prediction.get(self._contract["label"])
        if self._contract["task"] == "multiclass":
            return str(prediction.get(self._contract["label"]))
        return prediction.get(output)

    def _merged(self, profile: Profile | None, columns: dict[str, list[Any]], counts: WindowCounts) -> Profile:
        counts.add(columns)
        part = Profile.of(columns, self._kinds)
        return part if profile is None else profile.merge(part)

    def _judge(self, profile: Profile, counts: WindowCounts, *, start: float, end: float) -> None:
        drift = self._config.drift
        tests = compare(
            self._baseline, profile, self._kinds, method=drift.method, threshold=drift.threshold, counts=counts
        )
        live = self._labels.measure()
        self._change(live=live)
        training = self._trained.metrics
        evidence = Evidence(start, end, profile.rows, live, training, tested=len(self._kinds))
        moved = [test.column() for test in tests if test.moved]
        self._find("drift", [column for column in moved if column.method not in QUALITY], evidence)
        self._find("quality", [column for column in moved if column.method in QUALITY], evidence)
        if worse := self._labels.worse(live, training):
            column = FindingColumn(
                name=worse, method="live", statistic=live[worse], p=None, threshold=training[f"test_{worse}"]
            )
            self._find("concept", [column], evidence)
        elif len(live) > 1:
            self._find("concept", [], evidence)

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
        watcher = Watcher(decode(WatcherConfig, path.read_bytes()))
    except ContractError as error:
        sys.exit(f"Error: {path}, or the baseline that it names, does not fit: {error}.")
    watcher.log_findings()
    print("watching", flush=True)
    once = "--once" in sys.argv[2:]
    if not once:
        start_alerts(watcher.folder)
    while True:
        if not watcher.tick(time.time()):
            if once:
                Alerter(watcher.folder, through_apprise).tick(time.time())
                return
            time.sleep(0.5)


if __name__ == "__main__":
    main()
