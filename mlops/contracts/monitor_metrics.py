"""Name the metrics of a monitor for Prometheus.

Lives here: the names that a watcher writes and rules ask for.
Not here: writing them (workloads.monitoring.exposition), rules (mlops.monitoring.rules).
Law: a name that was once written keeps its meaning.
"""

from __future__ import annotations

METRICS_FILE = "metrics.prom"
"""In the folder of a monitor: text that Prometheus reads, as the textfile collector of its node exporter does."""
OPEN_FINDINGS = "mlops_monitor_open_findings"
"""Findings that are open and nobody acknowledged, by monitor, kind and severity."""
LOOKED = "mlops_monitor_looked_timestamp_seconds"
"""When the watcher last looked for windows that are over."""
WAITING = "mlops_monitor_alerts_waiting"
"""Messages to people that were not sent yet."""
