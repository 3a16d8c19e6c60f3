"""Look into what a monitor has seen, or would see.

Lives here: write_monitor_report, replay_rows, and monitor_rules.
Not here: drawing and judging, which programs of the workloads do (workloads.monitoring), acknowledging (inspect).
Law: nothing of a monitor is changed by looking.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.address import Address
from mlops.api.configuration import parse_address
from mlops.context.paths import ProjectPaths
from mlops.errors import MlopsError
from mlops.tools.installed import lacking_of_extra
from mlops.tools.process import run
from mlops.tools.scratch import scratch

if TYPE_CHECKING:
    from mlops.api.project import Project
    from mlops.contracts.windows import ReplayAnswer

_REPORT = "mlops.workloads.monitoring.report.write"
_REPLAY = "mlops.workloads.monitoring.replay"


def write_monitor_report(project: Project, monitor: str, out: Path) -> None:
    """Write what a monitor has seen as one page of HTML. `monitor`: its name or address. Raises MlopsError where there is none, or
    where the packages that draw are missing."""
    config = _config_of(project, monitor)
    run([sys.executable, "-P", "-m", _REPORT, str(config), str(_writable(out))], cwd=project.root)


def replay_rows(
    project: Project, monitor: str, rows: Path, *, per_window: int | None = None, out: Path | None = None
) -> ReplayAnswer:
    """Return what a monitor would have found in the rows of a file. `per_window`: rows of a window; None: windows by time, where
    the rows have the data set's column of time. `out`: where a page of it is written. Raises MlopsError where they cannot be
    judged."""
    from mlops.contracts.codec import decode, encode
    from mlops.contracts.windows import ReplayAnswer, ReplayRequest

    config = _config_of(project, monitor)
    if not rows.is_file():
        raise MlopsError.of("no rows", f"{rows} is no file. Name a .parquet, .csv, .json or .jsonl of raw rows.")
    page = str(_writable(out)) if out is not None else None
    request = ReplayRequest(config=str(config), rows=str(rows.absolute()), per_window=per_window, page=page)
    with scratch(project.root / ".mlops" / "tmp") as folder:
        (folder / "request.json").write_text(encode(request))
        words = [str((folder / name).absolute()) for name in ("request.json", "answer.json")]
        run([sys.executable, "-P", "-m", _REPLAY, *words], cwd=project.root)
        answer = decode(ReplayAnswer, (folder / "answer.json").read_bytes())
    if answer.problem:
        raise MlopsError.of("rows cannot be judged", answer.problem)
    return answer


def monitor_rules(project: Project) -> str:
    """Return rules for Prometheus, as YAML, about the monitors that the project declares. Raises MlopsError where it has none."""
    from mlops.monitoring.rules import rule_file

    monitors = [at for at in project.spec.resources if at.kind == "monitor"]
    if not monitors:
        raise MlopsError.of("no monitor", "The project declares no monitor, so that there is nothing to alert about.")
    return rule_file(project.spec.name, monitors)


def _config_of(project: Project, monitor: str) -> Path:
    """Return the configuration of the monitor's watcher as this machine has it."""
    records = project.store.records()
    at = parse_address(monitor if "." in monitor else f"monitor.{monitor}", records)
    if at.kind != "monitor":
        raise MlopsError.of("no monitor", f"A {at.kind} watches nothing. Name one: monitor.NAME", address=str(at))
    if lacking := lacking_of_extra("monitoring"):
        raise MlopsError.of(
            "packages are missing",
            f"Monitors need packages of the extra `monitoring`, and there is no {', '.join(lacking)}. Install them: "
            "pip install 'mlops[monitoring]'",
            address=str(at),
        )
    return _on_this_machine(project, at)


def _on_this_machine(project: Project, at: Address) -> Path:
    folder = ProjectPaths(project.root, project.environment).monitor(at.name)
    for name in ("config.json", "baseline.config.json"):
        if (folder / name).exists():
            return folder / name
    raise MlopsError.of(
        "not on this machine",
        f"{folder} has no configuration of its watcher: it was applied on another machine. Run this there, or apply here.",
        address=str(at),
    )


def _writable(out: Path) -> Path:
    path = out.absolute()
    if not path.parent.is_dir() or path.is_dir():
        raise MlopsError.of("cannot be written", f"{out}: there is no such folder, or it is one. Choose another place.")
    return path
