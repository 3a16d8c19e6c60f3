"""Write the page of a monitor: python -m mlops.workloads.monitoring.report.write CONFIG.json OUT.html

Lives here: the program that `mlops monitor report` runs, and read_monitor_report.
Not here: the page (page).
Law: reads what the watcher wrote; a watcher may run meanwhile.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mlops.contracts.codec import ContractError, decode
from mlops.contracts.watcher import BaselineFile, MonitorFinding, WatcherConfig
from mlops.contracts.windows import WINDOWS_FILE
from mlops.workloads.monitoring.findings import Findings
from mlops.workloads.monitoring.history import read_windows
from mlops.workloads.monitoring.report.page import MonitorReport, monitor_page
from mlops.workloads.parent_death import die_with_parent


def read_monitor_report(config: WatcherConfig) -> MonitorReport:
    """Return what there is of a monitor. Raises ContractError or OSError where its baseline cannot be read."""
    trained = decode(BaselineFile, (Path(config.baseline_dir) / "baseline.json").read_bytes())
    out = Path(config.out_dir)
    windows = [one for one in read_windows(out / WINDOWS_FILE) if one.baseline == trained.digest]
    found = Findings(out / "findings", config.monitor, trained.digest).all()
    findings: list[tuple[MonitorFinding, Any]] = [
        (one, _acknowledgement(out, one)) for one in found if one.baseline_digest == trained.digest
    ]
    return MonitorReport(config, trained, windows, findings, "What its watcher has seen")


def _acknowledgement(out: Path, finding: MonitorFinding) -> Any:
    path = out / "findings" / f"{finding.id}.ack.json"
    if not path.exists():
        return None
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def main() -> None:
    die_with_parent()
    path = Path(sys.argv[1])
    try:
        page = monitor_page(read_monitor_report(decode(WatcherConfig, path.read_bytes())))
        Path(sys.argv[2]).write_text(page)
    except ContractError as error:
        sys.exit(f"{path}, or the baseline that it names, does not fit: {error}. Apply again.")
    except OSError as error:
        sys.exit(f"The report cannot be written: {error}.")


if __name__ == "__main__":
    main()
