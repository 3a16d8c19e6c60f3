"""Write rules for Prometheus.

Lives here: rule_file, what Prometheus is to alert about of the monitors of a project.
Not here: the metrics (workloads.monitoring.exposition), telling people from here (alerts).
Law: a rule asks for metrics of this project's monitors alone, and ends by itself when what it alerts about does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mlops.address import Address
from mlops.contracts.monitor_metrics import LOOKED, OPEN_FINDINGS, WAITING

_HEAD = "# Written by `mlops monitor rules`. Prometheus reads it where `rule_files` names it.\n"
_SILENT_SECONDS = 300


def rule_file(project: str, monitors: Sequence[Address]) -> str:
    """Return the file, as YAML. `monitors`: those of the project; there is at least one."""
    names = "|".join(str(at).replace(".", "[.]") for at in sorted(monitors))
    of = f'monitor=~"{names}"'
    rules = [
        _rule(
            f"Mlops{severity.capitalize()}Finding",
            f'max by (monitor, kind) ({OPEN_FINDINGS}{{{of},severity="{severity}"}}) > 0', severity, "1m",
            "{{ $labels.monitor }} has found {{ $labels.kind }}",
            "See it: mlops plan, or mlops monitor report. Close it: mlops ack {{ $labels.monitor }} --reason '…'",
        )
        for severity in ("critical", "warning")
    ]  # fmt: skip
    rules.append(
        _rule(
            "MlopsWatcherSilent", f"time() - max by (monitor) ({LOOKED}{{{of}}}) > {_SILENT_SECONDS}", "critical", "1m",
            "The watcher of {{ $labels.monitor }} does not look any more",
            "See its log: mlops logs {{ $labels.monitor }}. Repair it: mlops apply",
        )
    )  # fmt: skip
    rules += [
        _rule(
            "MlopsWatcherAbsent", f'absent({LOOKED}{{monitor="{at}"}})', "critical", "10m",
            f"Nothing is scraped of {at}", "See whether its watcher runs: mlops status", {"monitor": str(at)},
        )
        for at in sorted(monitors)
    ]  # fmt: skip
    rules.append(
        _rule(
            "MlopsAlertsWaiting", f"max by (monitor) ({WAITING}{{{of}}}) > 0", "warning", "12h",
            "Messages about findings of {{ $labels.monitor }} do not arrive", "Try the routes: mlops monitor test-alert",
        )
    )  # fmt: skip
    group = {"name": f"mlops-{project}", "rules": rules}
    return _HEAD + yaml.safe_dump({"groups": [group]}, sort_keys=False, allow_unicode=True, width=200)


def _rule(
    alert: str, expr: str, severity: str, lasting: str, summary: str, description: str, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:  # fmt: skip
    return {
        "alert": alert, "expr": expr, "for": lasting, "labels": {"severity": severity, **(labels or {})},
        "annotations": {"summary": summary, "description": description},
    }  # fmt: skip
