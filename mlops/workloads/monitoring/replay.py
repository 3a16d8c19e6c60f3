"""Judge rows of a file as windows: python -m mlops.workloads.monitoring.replay REQUEST ANSWER

Lives here: replay, and the process.
Not here: the tests (window_rows), reading the file (rows_file), the page (report).
Law: windows are cut, joined and judged as the watcher does it, and nothing of the monitor is written or changed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.watcher import WatcherConfig
from mlops.contracts.windows import JudgedWindow, ReplayAnswer, ReplayRequest
from mlops.errors import MlopsError
from mlops.workloads.features.columns import to_inputs
from mlops.workloads.monitoring.answers import MODEL_FILE, answers_of
from mlops.workloads.monitoring.findings import Evidence, Findings
from mlops.workloads.monitoring.history import judged_window
from mlops.workloads.monitoring.profile import is_prediction
from mlops.workloads.monitoring.rows_file import read_rows_file, times_of
from mlops.workloads.monitoring.value_tests import moved_by_kind
from mlops.workloads.monitoring.window_rows import Baseline, WindowRows
from mlops.workloads.parent_death import die_with_parent

_NOTHING_ASKED = frozenset({"image"})


class Replay:
    """Judges the rows of one file. Raises MlopsError where they cannot be read or nothing of them can be compared."""

    def __init__(self, config: WatcherConfig, rows: Path, folder: Path) -> None:
        self._config = config
        contract = json.loads(Path(config.contract).read_text())
        self._baseline = Baseline(Path(config.baseline_dir), contract, config.drift)
        self._table = read_rows_file(rows, self._baseline.types)
        self._findings = Findings(folder, config.monitor, self._baseline.trained.digest)
        self._answers = self._asked(contract)
        self.lacking = self._leave_out_what_is_not_there()

    def _asked(self, contract: dict[str, Any]) -> list[Any] | None:
        """Return what the model says of the rows; None where it cannot be asked."""
        types = self._baseline.types
        kept = Path(self._config.baseline_dir) / MODEL_FILE
        model = kept if kept.exists() else Path(self._config.contract).parent / MODEL_FILE
        if not model.exists() or _NOTHING_ASKED & {*types.values()} or not {*types} <= {*self._table.column_names}:
            return None
        raw = answers_of(model, to_inputs(self._table, types))
        if self._baseline.own_row is None and contract["task"] == "multiclass":
            return [str(contract["classes"][int(np.argmax(values))]) for values in raw]
        return raw

    def _leave_out_what_is_not_there(self) -> tuple[str, ...]:
        lacking = tuple(name for name in self._baseline.inputs if name not in self._table.column_names)
        predictions = [name for name in self._baseline.kinds if is_prediction(name) and self._answers is None]
        self._baseline.leave_out({*lacking, *predictions})
        if not self._baseline.kinds:
            raise MlopsError.of(
                "nothing can be compared",
                f"The rows have none of the columns that {self._config.monitor} compares: {', '.join(lacking[:10])}. "
                "Give raw rows, as the endpoint takes them.",
            )
        return lacking

    def run(self, per_window: int | None) -> tuple[list[JudgedWindow], int, bool]:
        """Return the windows, the rows that are left over at the end, and whether windows are by time."""
        times = times_of(self._table, self._config.time_column) if per_window is None else None
        if times is not None:
            order = np.argsort(times, kind="stable")
            self._table, times = self._table.take(order), times[order]
            if self._answers is not None:
                self._answers = [self._answers[place] for place in order]
        cuts = self._by_time(times) if times is not None else self._by_count(per_window or self._config.min_rows)
        windows, last = [], 0
        for since, until, first, last in cuts:
            windows.append(self._judge(since, until, first, last, seconds=None if times is None else until - since))
        return windows, self._table.num_rows - last, times is not None

    def _by_time(self, times: Any) -> Iterator[tuple[float, float, int, int]]:
        """Yield (since, until, first row, row after the last). A window with too few rows is joined to the next."""
        length = self._config.window
        known = times[~np.isnan(times)]
        if not len(known):
            return
        start, first = float(known[0]) // length * length, 0
        end = start + length
        while first < len(known):
            last = int(np.searchsorted(known, end))
            if last == first:
                start = float(known[first]) // length * length
                end = start + length
            elif last - first >= self._config.min_rows:
                yield start, end, first, last
                start, first, end = end, last, end + length
            elif last == len(known):
                return
            else:
                end += length

    def _by_count(self, size: int) -> Iterator[tuple[float, float, int, int]]:
        for first in range(0, self._table.num_rows - size + 1, size):
            yield float(first), float(first + size), first, first + size

    def _judge(self, since: float, until: float, first: int, last: int, *, seconds: float | None) -> JudgedWindow:
        window = WindowRows(self._baseline)
        for place, row in enumerate(self._table.slice(first, last - first).to_pylist(), first):
            window.add(row, self._answers[place] if self._answers is not None else None)
        tests = window.tests(seconds)
        training = self._baseline.trained.metrics
        note = self._baseline.note(since) if seconds is not None else None
        evidence = Evidence(since, until, window.count, {}, training, tested=len(self._baseline.kinds), note=note)
        for kind, columns in moved_by_kind(tests).items():
            if columns:
                self._findings.keep(kind, columns, evidence)
            else:
                self._findings.clean(kind, until)
        return judged_window(
            (since, until), window.count, tests, baseline=self._baseline.trained.digest, counts=window.counts, live={}
        )

    def found(self) -> ReplayAnswer:
        return ReplayAnswer(findings=tuple(self._findings.all()), lacking=self.lacking)


def replay(request: ReplayRequest) -> ReplayAnswer:
    """Return what would have been found, or why nothing can be said."""
    from msgspec import structs

    try:
        config = decode(WatcherConfig, Path(request.config).read_bytes())
        with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
            replayed = Replay(config, Path(request.rows), Path(folder))
            windows, left_over, by_time = replayed.run(request.per_window)
            answer = structs.replace(replayed.found(), windows=tuple(windows), left_over=left_over, by_time=by_time)
    except ContractError as error:
        return ReplayAnswer(
            problem=f"{request.config}, or the baseline that it names, does not fit: {error}. Apply again."
        )
    except MlopsError as error:
        return ReplayAnswer(problem=error.problems[0].detail)
    if request.page is not None and windows:
        from mlops.workloads.monitoring.report.page import MonitorReport, monitor_page

        trained = replayed._baseline.trained
        shown = f"Replay of {Path(request.rows).name}"
        report = MonitorReport(
            config, trained, windows, [(one, None) for one in answer.findings], shown, by_time=by_time
        )
        Path(request.page).write_text(monitor_page(report))
    return answer


def main() -> None:
    die_with_parent()
    answer = replay(decode(ReplayRequest, Path(sys.argv[1]).read_bytes()))
    Path(sys.argv[2]).write_text(encode(answer))


if __name__ == "__main__":
    main()
