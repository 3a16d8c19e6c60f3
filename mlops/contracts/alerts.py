"""Say whom a watcher tells of findings.

Lives here: AlertConfig with its routes and silences, which the control plane writes beside a watcher's configuration, and the
answer of a test message.
Not here: sending (workloads.monitoring.alerts), the finding (watcher).
Law: read anew before every look, so that another route needs no restart; secrets stand as `${secret:NAME}`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mlops.contracts.codec import Contract, Document

ALERTS_FILE = "alerts.json"
"""In the folder of a monitor, beside its findings."""
OUTBOX_FILE = "alerts.sqlite"
"""What was and is to be sent."""
SEVERITIES = ("warning", "critical")
"""In rising order."""


class AlertRoute(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """One way to reach people."""

    name: Annotated[str, Meta(description="Name of the route.")]
    url: Annotated[str, Meta(description="Address as Apprise takes it, secrets as `${secret:NAME}`.")]
    severity: Annotated[str, Meta(description="From which severity on: `warning` or `critical`.")] = "warning"
    repeat: Annotated[
        float | None, Meta(description="Seconds after which an open finding is told again; null: never.")
    ] = None
    quiet: Annotated[str | None, Meta(description="Hours (UTC) in which warnings wait, such as 22:00-07:00.")] = None
    closed: Annotated[bool, Meta(description="Tell when a finding is closed.")] = True


class AlertSilence(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """Findings that nobody is told of."""

    kind: Annotated[str | None, Meta(description="Kind of the findings; null: all.")] = None
    until: Annotated[float | None, Meta(description="Unix seconds; null: for good.")] = None


class AlertConfig(Document, kw_only=True, frozen=True, omit_defaults=True):
    """`alerts.json`, and what `python -m mlops.workloads.monitoring.alerts.test_message CONFIG` reads."""

    monitor: Annotated[str, Meta(description="Address of the monitor.")]
    environment: Annotated[str, Meta(description="Its environment, for the message.")]
    secrets: Annotated[str, Meta(description="Folder of the secrets' files; the environment variable NAME wins.")]
    routes: Annotated[tuple[AlertRoute, ...], Meta(description="Whom to tell.")] = ()
    silences: Annotated[tuple[AlertSilence, ...], Meta(description="What not to tell, of this monitor.")] = ()


class RouteAnswer(Contract, kw_only=True, frozen=True):
    """One line that a test message ends in."""

    route: Annotated[str, Meta(description="Name of the route.")]
    error: Annotated[str, Meta(description="Why it did not arrive; empty where it did.")] = ""
