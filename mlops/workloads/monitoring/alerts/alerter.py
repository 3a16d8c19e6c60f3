"""Decide whom to tell of what.

Lives here: Alerter, which looks at the findings of a monitor and sends what is due, and start_alerts, the thread of a watcher.
Not here: keeping messages (outbox), sending one (sending).
Law: a finding that is acknowledged or silenced is told to nobody; a route that is down, or slow, stops neither the watcher nor
another route's messages.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops.contracts.alerts import ALERTS_FILE, OUTBOX_FILE, SEVERITIES, AlertConfig, AlertRoute
from mlops.contracts.codec import ContractError, decode
from mlops.workloads.monitoring.alerts.outbox import KeptMessage, Outbox, OutboxMessage

_PAUSE = 1.0
_GRAVE = frozenset({"concept"})
Deliver = Callable[[AlertRoute, Path, OutboxMessage], str]


class Alerter:
    """Tells of the findings in `folder`/findings, as `folder`/alerts.json says. `send`: returns why a message did not arrive."""

    def __init__(self, folder: Path, send: Deliver) -> None:
        self._folder, self._send = folder, send

    def tick(self, now: float) -> int:
        """Put into the outbox what there is to tell, and send what is due; return how many messages were sent."""
        config = self._config()
        if config is None:
            return 0
        outbox = Outbox(self._folder / OUTBOX_FILE)
        for finding, is_acknowledged in self._findings():
            for route in config.routes:
                if is_acknowledged or is_silenced(config, finding["kind"], now):
                    outbox.withdraw(_about(route, finding))
                else:
                    self._tell(outbox, config, route, finding, now)
        return self._deliver(outbox, config, now)

    def _config(self) -> AlertConfig | None:
        try:
            config = decode(AlertConfig, (self._folder / ALERTS_FILE).read_bytes())
        except (OSError, ContractError):
            return None
        return config if config.routes else None

    def _findings(self) -> Iterator[tuple[dict[str, Any], bool]]:
        """Yield each finding, and whether somebody acknowledged it."""
        for path in sorted((self._folder / "findings").glob("*.json")):
            if path.name.endswith(".ack.json"):
                continue
            try:
                finding = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(finding, dict) and {"id", "kind"} <= finding.keys():
                yield finding, path.with_name(f"{path.stem}.ack.json").exists()

    @staticmethod
    def _tell(outbox: Outbox, config: AlertConfig, route: AlertRoute, finding: dict[str, Any], now: float) -> None:
        severity = stated_severity(finding)
        if SEVERITIES.index(severity) < SEVERITIES.index(route.severity):
            return
        about = _about(route, finding)
        event = _event_of(outbox.about(about), route, finding, severity, now)
        if event:
            title, body = message_of(config, finding, severity, event)
            due = end_of_quiet(route.quiet, now) if severity != "critical" or event == "closed" else now
            outbox.put(OutboxMessage(f"{about}{event}", route.name, severity, title, body), now=now, due=due)

    def _deliver(self, outbox: Outbox, config: AlertConfig, now: float) -> int:
        routes = {route.name: route for route in config.routes}
        down: set[str] = set()
        count = 0
        for message in outbox.due(now):
            route = routes.get(message.route)
            if route is None or message.route in down:
                continue  # it waits until the route is there again
            error = self._send(route, Path(config.secrets), message)
            if error:
                outbox.failed(message.key, now, error)
                down.add(message.route)
                print(f"alert {message.key} did not arrive: {error}", flush=True)
            else:
                outbox.sent(message.key, now)
                count += 1
        return count


def _about(route: AlertRoute, finding: dict[str, Any]) -> str:
    """Return what the keys of all messages for a route about a finding begin with."""
    return f"{route.name}/{finding['id']}/"


def _event_of(
    earlier: Sequence[KeptMessage], route: AlertRoute, finding: dict[str, Any], severity: str, now: float
) -> str:
    """Return what there is to tell after what was told before; nothing where that is all."""
    if finding.get("closed"):
        return "closed" if earlier and route.closed else ""
    if not earlier:
        return "opened"
    if SEVERITIES.index(severity) > max(SEVERITIES.index(one.severity) for one in earlier):
        return f"graver-{severity}"
    is_waiting = any(one.sent is None for one in earlier)
    if route.repeat is None or is_waiting or now - max(one.at for one in earlier) < route.repeat:
        return ""
    return f"again-{now:.0f}"


def stated_severity(finding: dict[str, Any]) -> str:
    """Return how grave a finding is: what it says itself, or else by its kind."""
    said = finding.get("severity")
    return said if said in SEVERITIES else "critical" if finding["kind"] in _GRAVE else "warning"


def is_silenced(config: AlertConfig, kind: str, now: float) -> bool:
    """Say whether nobody is to be told of findings of a kind now."""
    return any(
        one.kind in (None, kind) and (one.until is None or now < one.until) for one in config.silences
    )  # fmt: skip


def end_of_quiet(quiet: str | None, now: float) -> float:
    """Return when the quiet hours end that `now` lies in; `now` where it lies in none."""
    if quiet is None:
        return now
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in quiet.split("-"))
    moment = datetime.fromtimestamp(now, UTC)
    minute = moment.hour * 60 + moment.minute
    inside = begin <= minute < end if begin < end else minute >= begin or minute < end
    if not inside:
        return now
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    over = midnight + timedelta(minutes=end)
    return (over if over > moment else over + timedelta(days=1)).timestamp()


def message_of(config: AlertConfig, finding: dict[str, Any], severity: str, event: str) -> tuple[str, str]:
    """Return title and body of a message."""
    words = {"drift": "drift", "concept": "a worse model", "quality": "faults of values"}.get(
        finding["kind"], finding["kind"]
    )
    kind = event.partition("-")[0]
    what = {"closed": "closed", "again": f"still open, {severity}", "graver": f"now {severity}"}.get(kind, severity)
    title = f"[{what}] {config.monitor} ({config.environment}): {words} since {finding.get('since', '?')}"
    lines = [
        f"{column['name']}: {column['method']} {column['statistic']:.3g}, from {column['threshold']:.3g} on it matters"
        for column in finding.get("columns", [])[:10]
    ]
    if len(finding.get("columns", [])) > 10:
        lines.append(f"and {len(finding['columns']) - 10} more")
    lines.append(
        f"{finding.get('rows', 0):,} rows in {finding.get('windows', 0)} windows, until {finding.get('until', '?')}"
    )
    if event == "closed":
        lines.append("Later windows do not show it any more.")
    else:
        lines.append(f"See it: mlops plan. Close it: mlops ack {config.monitor} --reason '…'")
    return title, "\n".join(lines)


def through_apprise(route: AlertRoute, secrets: Path, message: OutboxMessage) -> str:
    from mlops.workloads.monitoring.alerts.sending import send  # Apprise, where somebody is told at all

    return send(route, secrets, severity=message.severity, title=message.title, body=message.body)


def start_alerts(folder: Path) -> None:
    """Tell of findings from a thread of this process, until it ends."""

    def work() -> None:
        alerter = Alerter(folder, through_apprise)
        while True:
            try:
                alerter.tick(time.time())
            except Exception as error:  # the disk may be full for a while; the watcher goes on
                print(f"alerts: {type(error).__name__}: {error}", flush=True)
            time.sleep(_PAUSE)

    threading.Thread(target=work, name="alerts", daemon=True).start()
