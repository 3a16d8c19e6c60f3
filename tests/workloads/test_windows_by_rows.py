"""Windows that end after so many rows, whatever time they take."""

from __future__ import annotations

import json
from pathlib import Path

from mlops.workloads.monitoring.findings import iso
from mlops.workloads.monitoring.profile import Profile
from tests.workloads.test_monitoring import KINDS, columns, findings, watcher, write_log


def test_window_ends_after_its_rows_where_rows_are_counted(tmp_path: Path) -> None:
    """Windows of 500 rows, whatever time they take, over a restart of the watcher; what is left waits for more."""
    start, baseline = 1_700_000_000.0, Profile.of(columns(1, 20_000), KINDS)
    for number, shift in enumerate((0, 0.8, 0)):
        at = start + 1000 * number
        write_log(tmp_path / f"log/v1-1-{int(at * 1e9)}.jsonl", at, columns(number, 600, shift=shift), ids=f"{number}-")
    now = start + 5000
    seen = []
    while watcher(tmp_path, baseline, window_rows=500).tick(now):
        status = json.loads((tmp_path / "out/status.json").read_text())
        seen.append((status["windows"], status["rows"]))
    assert seen == [(1, 500), (2, 1000), (3, 1500)]
    (finding,) = findings(tmp_path)
    assert (finding["since"], finding["windows"]) == (iso(start), 2), (
        "the second window, and the third, hold shifted rows"
    )
    watching = watcher(tmp_path, baseline, window_rows=500)
    assert not watching.tick(now)
    write_log(tmp_path / f"log/v1-1-{int((start + 4000) * 1e9)}.jsonl", start + 4000, columns(9, 300), ids="9-")
    assert not watching.tick(now + 1), "the log is not read again at once"
    assert watching.tick(now + 6)
