"""Write what a monitor has found for Prometheus.

Lives here: Exposition (the file), exposition_of (its text), and serve_metrics, the address at which it is read.
Not here: judging (watcher), rules about it (mlops.monitoring.rules).
Law: the text is in Prometheus' own format; a series that stood once goes on, at zero where there is nothing, so that an alert ends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mlops.contracts.alerts import OUTBOX_FILE, SEVERITIES
from mlops.contracts.codec import ContractError, decode
from mlops.contracts.monitor_metrics import LOOKED, METRICS_FILE, OPEN_FINDINGS, WAITING
from mlops.contracts.watcher import MonitorFinding, WatcherStatus
from mlops.contracts.windows import WINDOWS_FILE, JudgedWindow
from mlops.workloads.monitoring.alerts.outbox import Outbox

_KINDS = ("drift", "concept", "quality")
_EVERY = 5.0
_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Series = tuple[Mapping[str, str], float]
MetricFamily = tuple[str, str, str, Iterable[Series]]


class Exposition:
    """The file metrics.prom in the folder of a monitor."""

    def __init__(self, folder: Path, monitor: str) -> None:
        self._folder, self._monitor = folder, monitor
        self._written = 0.0

    def write(self, now: float, *, anew: bool = False) -> None:
        """Write the file, unless that was a few seconds ago. `anew`: something was judged since."""
        if not anew and 0 <= now - self._written < _EVERY:
            return
        path = self._folder / METRICS_FILE
        temporary = path.with_suffix(".part")
        temporary.write_text(exposition_of(self._folder, self._monitor, now))
        temporary.replace(path)
        self._written = now


def exposition_of(folder: Path, monitor: str, now: float) -> str:
    """Return the text for what lies in the folder of a monitor."""
    status, window = _status(folder), _last_window(folder)
    parts: list[MetricFamily] = [
        (OPEN_FINDINGS, "gauge", "Findings that are open and not acknowledged.", _open(folder)),
        (LOOKED, "gauge", "When the watcher last looked for windows that are over.", [({}, now)]),
        ("mlops_monitor_windows_total", "counter", "Windows that were judged.", [({}, status.windows)]),
        ("mlops_monitor_rows_total", "counter", "Rows that were judged.", [({}, status.rows)]),
        (WAITING, "gauge", "Messages to people that were not sent yet.", [({}, _waiting(folder))]),
        (
            "mlops_monitor_labels_refused", "gauge", "Late labels that were set aside.", [({}, status.labels.refused)]
        ),
        (
            "mlops_monitor_live", "gauge", "Metrics of the model, from late labels.",
            [({"metric": name}, value) for name, value in sorted(status.live.items()) if name != "rows"],
        ),
        ("mlops_monitor_live_rows", "gauge", "Labelled rows behind them.", [({}, status.live.get("rows", 0.0))]),
    ]  # fmt: skip
    if window is not None:
        nearness: dict[tuple[str, str], float] = {}
        for test in window.tests:
            if test.threshold > 0:
                nearness[test.name, test.method] = test.statistic / test.threshold
        series = [({"column": name, "test": test}, of) for (name, test), of in sorted(nearness.items())]
        parts += [
            ("mlops_monitor_statistic_ratio", "gauge", "Tests of the last window, in thresholds.", series),
            ("mlops_monitor_window_timestamp_seconds", "gauge", "End of the last window.", [({}, window.until)]),
        ]
    lines = [line for name, kind, words, series in parts for line in _lines(monitor, name, kind, words, series)]
    return "".join(f"{line}\n" for line in lines)


def _lines(monitor: str, name: str, kind: str, words: str, series: Iterable[Series]) -> Iterator[str]:
    yield f"# HELP {name} {words}"
    yield f"# TYPE {name} {kind}"
    for labels, value in series:
        pairs = ",".join(_label(*pair) for pair in {"monitor": monitor, **labels}.items())
        yield f"{name}{{{pairs}}} {value!r}"


def _label(name: str, value: str) -> str:
    safe = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{name}="{safe}"'


def _status(folder: Path) -> WatcherStatus:
    try:
        return decode(WatcherStatus, (folder / "status.json").read_bytes())
    except (OSError, ContractError):
        return WatcherStatus()


def _last_window(folder: Path) -> JudgedWindow | None:
    """Return the window that was judged last, which stands in the last whole line."""
    try:
        lines = (folder / WINDOWS_FILE).read_bytes().splitlines()
    except OSError:
        return None
    for line in reversed(lines[-2:]):
        try:
            return decode(JudgedWindow, line)
        except ContractError:
            continue
    return None


def _open(folder: Path) -> list[Series]:
    counts = {(kind, severity): 0 for kind in _KINDS for severity in SEVERITIES}
    for path in (folder / "findings").glob("*.json"):
        if path.name.endswith(".ack.json") or path.with_name(f"{path.stem}.ack.json").exists():
            continue
        try:
            finding = decode(MonitorFinding, path.read_bytes())
        except (OSError, ContractError):
            continue
        if finding.closed is None:
            counts[finding.kind, finding.severity] += 1
    return [({"kind": kind, "severity": severity}, count) for (kind, severity), count in counts.items()]


def _waiting(folder: Path) -> int:
    path = folder / OUTBOX_FILE
    return Outbox(path).waiting() if path.exists() else 0


def serve_metrics(folder: Path, host: str, port: int) -> ThreadingHTTPServer | None:
    """Serve the file at /metrics from a thread of this process, until it ends; None, with a line in the log, where the port is taken."""

    class MetricsAnswer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                content = (folder / METRICS_FILE).read_bytes() if self.path == "/metrics" else None
            except OSError:
                content = None
            self.send_response(200 if content is not None else 404)
            self.send_header("content-type", _TYPE)
            self.send_header("content-length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Stays quiet."""

    try:
        server = ThreadingHTTPServer((host, port), MetricsAnswer)
    except OSError as error:
        print(f"metrics are in {METRICS_FILE} alone: {host}:{port} cannot be opened: {error.strerror}", flush=True)
        return None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
