"""Watch a batch: python -m mlops.workloads.monitoring.scored_watcher CONFIG.json [--once]

Lives here: ScoredWatcher, which judges each interval that was scored as a window, and the process.
Not here: an endpoint's log (watcher), the tests (window_rows), scoring (workloads.scoring).
Law: an interval is judged once for each time that it was scored; those with too few rows are joined to the next.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from msgspec import structs

from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.intervals import start_of
from mlops.contracts.ledger import read_interval_ledger
from mlops.contracts.scoring import LedgerLine
from mlops.contracts.watcher import WatcherConfig, WatcherStatus
from mlops.contracts.windows import WINDOWS_FILE
from mlops.workloads.monitoring.alerts.alerter import Alerter, start_alerts, through_apprise
from mlops.workloads.monitoring.exposition import Exposition, serve_metrics
from mlops.workloads.monitoring.findings import Evidence, Findings, iso
from mlops.workloads.monitoring.history import WindowHistory, judged_window
from mlops.workloads.monitoring.value_tests import moved_by_kind
from mlops.workloads.monitoring.window_rows import Baseline, WindowRows
from mlops.workloads.parent_death import die_with_parent

_PREDICTED = "predicted_"
_SEEN = "intervals.json"
_PAUSE = 2.0


class ScoredWatcher:
    """Judges the intervals of one batch. Raises ContractError where the baseline does not fit."""

    def __init__(self, config: WatcherConfig) -> None:
        self._config = config
        self._scores, self._out = Path(str(config.scores)), Path(config.out_dir)
        contract = json.loads(Path(config.contract).read_text())
        self._baseline = Baseline(Path(config.baseline_dir), contract, config.drift)
        self._out.mkdir(parents=True, exist_ok=True)
        self._digest = self._baseline.trained.digest
        self._findings = Findings(self._out / "findings", config.monitor, self._digest)
        self._history = WindowHistory(self._out / WINDOWS_FILE)

    @property
    def folder(self) -> Path:
        """The folder of what it finds."""
        return self._out

    def tick(self) -> bool:
        """Judge the oldest interval that was scored and not judged since, with those after it that it needs; False where none is."""
        seen = self._seen()
        joined: list[LedgerLine] = []
        for line in self._unseen(seen):
            joined.append(line)
            if sum(one.rows for one in joined) >= self._config.min_rows:
                self._judge(joined)
                self._write(_SEEN, json.dumps(seen | {one.interval: one.at for one in joined}, indent=1))
                return True
        return False

    def _unseen(self, seen: Mapping[str, str]) -> Iterator[LedgerLine]:
        ledger = read_interval_ledger(self._scores)
        for name in sorted(ledger):
            line = ledger[name]
            if line.again is None and line.rows and line.length and seen.get(name) != line.at:
                yield line

    def _seen(self) -> dict[str, str]:
        """Return interval -> when what was judged of it had been scored."""
        try:
            found = json.loads((self._out / _SEEN).read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(name): str(at) for name, at in found.items()} if isinstance(found, dict) else {}

    def _judge(self, lines: list[LedgerLine]) -> None:
        since = start_of(lines[0].interval).timestamp()
        until = (start_of(lines[-1].interval) + timedelta(seconds=lines[-1].length or 0.0)).timestamp()
        window = self._rows(lines)
        if window is None:
            return
        tests = window.tests(until - since)
        trained = self._baseline.trained
        self._history.add(
            judged_window((since, until), window.count, tests, baseline=self._digest, counts=window.counts, live={})
        )
        note = self._baseline.note(since)
        evidence = Evidence(
            since, until, window.count, {}, trained.metrics, tested=len(self._baseline.kinds), note=note
        )
        for kind, columns in moved_by_kind(tests).items():
            if columns:
                self._findings.keep(kind, columns, evidence)
            else:
                self._findings.clean(kind, until)
        status = self._status()
        newer = max(iso(until), status.last or "")
        status = structs.replace(
            status, windows=status.windows + 1, rows=status.rows + window.count, last=newer, cursor=until
        )
        self._write("status.json", encode(status, indent=2) + "\n")

    def _rows(self, lines: list[LedgerLine]) -> WindowRows | None:
        """Return the rows of intervals; None where none of their files is there any more."""
        paths = [path for line in lines if (path := self._scores / f"{line.interval}.parquet").exists()]
        if not paths:
            return None
        for path in paths:
            there = set(pq.read_schema(path).names)
            lacking = {name for name in self._baseline.inputs if name not in there}
            if lacking:
                print(f"{path.name} lacks columns, which are not compared: {', '.join(sorted(lacking))}", flush=True)
                self._baseline.leave_out(lacking)
        window = WindowRows(self._baseline)
        for path in paths:
            for batch in pq.ParquetFile(path).iter_batches():
                for row in batch.to_pylist():
                    window.add(row, self._baseline.answer_of(_answer(row)))
        return window

    def _status(self) -> WatcherStatus:
        try:
            return decode(WatcherStatus, (self._out / "status.json").read_bytes())
        except (OSError, ContractError):
            return WatcherStatus()

    def _write(self, name: str, text: str) -> None:
        path = self._out / name
        temporary = path.with_suffix(".part")
        temporary.write_text(text)
        temporary.replace(path)


def _answer(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scored row as an endpoint answers it: what is predicted of a label has the label's name."""
    return {
        **row,
        **{name.removeprefix(_PREDICTED): value for name, value in row.items() if name.startswith(_PREDICTED)},
    }


def main() -> None:
    """Run with CONFIG.json and, to judge what was scored and end, `--once`."""
    die_with_parent()
    path = Path(sys.argv[1])
    try:
        config = decode(WatcherConfig, path.read_bytes())
        watcher = ScoredWatcher(config)
    except ContractError as error:
        sys.exit(f"Error: {path}, or the baseline that it names, does not fit: {error}.")
    print("watching", flush=True)
    exposition = Exposition(watcher.folder, config.monitor)
    once = "--once" in sys.argv[2:]
    if not once:
        start_alerts(watcher.folder)
        if config.metrics_port is not None:
            serve_metrics(watcher.folder, config.metrics_host, config.metrics_port)
    while True:
        judged = watcher.tick()
        exposition.write(time.time(), anew=judged)
        if not judged:
            if once:
                Alerter(watcher.folder, through_apprise).tick(time.time())
                return
            time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
