"""Say whom a monitor's watcher tells.

Lives here: alert_inputs (what of the project's alerts a monitor's record holds), write_alerts, and try_routes, the test message.
Not here: sending (workloads.monitoring.alerts), what may be said (config.schema.alerts).
Law: no secret is written; the watcher fills references in when it sends.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.context.context import Context
from mlops.errors import MlopsError, near
from mlops.tools.process import run
from mlops.tools.scratch import scratch

if TYPE_CHECKING:
    from mlops.config.project import ProjectSettings
    from mlops.contracts.alerts import AlertConfig, AlertSilence, RouteAnswer

_TESTING = "mlops.workloads.monitoring.alerts.test_message"


def alert_inputs(settings: ProjectSettings, monitor: str) -> dict[str, Any]:
    """Return the routes and silences that are for a monitor, as plain JSON; empty where nobody is told."""
    if settings.alerts is None or not settings.alerts.routes:
        return {}
    silences = [dict(one) for one in settings.alerts.silences if one.monitor in (None, monitor)]
    routes = {name: dict(route) for name, route in settings.alerts.routes.items()}
    return {"routes": routes, **({"silences": silences} if silences else {})}


def alert_origins(settings: ProjectSettings) -> Mapping[str, str]:
    """Return where the fields of `alert_inputs` are written."""
    return {path: origin for path, origin in settings.origins.items() if path.startswith("alerts.")}


def write_alerts(context: Context, monitor: Address, folder: Path) -> None:
    """Write what the watcher of a monitor reads, or take it away where nobody is told."""
    from mlops.contracts.alerts import ALERTS_FILE
    from mlops.contracts.codec import encode

    path = folder / ALERTS_FILE
    config = alert_config(context, monitor)
    if not config.routes:
        path.unlink(missing_ok=True)
        return
    temporary = path.with_suffix(".part")
    temporary.write_text(encode(config, indent=1))
    temporary.replace(path)


def alert_config(context: Context, monitor: Address) -> AlertConfig:
    """Return whom the watcher of a monitor tells."""
    from mlops.contracts.alerts import AlertConfig, AlertRoute

    said = alert_inputs(context.settings, monitor.name)
    routes = tuple(AlertRoute(name=name, **fields) for name, fields in sorted(said.get("routes", {}).items()))
    return AlertConfig(
        monitor=str(monitor), environment=context.environment, secrets=str(context.paths.secrets), routes=routes,
        silences=tuple(_silence(one) for one in said.get("silences", [])),
    )  # fmt: skip


def _silence(said: Mapping[str, Any]) -> AlertSilence:
    from mlops.contracts.alerts import AlertSilence

    until = said["until"]
    moment = datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp() if until else None
    return AlertSilence(kind=said["kind"], until=moment)


def try_routes(context: Context, names: tuple[str, ...]) -> tuple[RouteAnswer, ...]:
    """Send a test message to the routes of these names, or to all; return what each says. Raises MlopsError where there is no
    such route."""
    import msgspec

    from mlops.contracts.alerts import RouteAnswer
    from mlops.contracts.codec import encode

    config = alert_config(context, Address("monitor", "test"))
    known = [route.name for route in config.routes]
    if not known:
        raise MlopsError.of(
            "nobody is told",
            "No route is declared. Say one in conf/project.yaml or conf/env/NAME.yaml, such as "
            "`alerts: {routes: {team: {url: '${secret:TEAM_URL}'}}}`.",
        )
    for name in names:
        if name not in known:
            raise MlopsError.of(
                "no such route",
                f"`alerts.routes` has no {name}; there are: {', '.join(known)}.",
                hint=near(name, known),
            )
    chosen = tuple(route for route in config.routes if not names or route.name in names)
    with scratch(context.root / ".mlops" / "tmp") as folder:
        (folder / "config.json").write_text(encode(msgspec.structs.replace(config, routes=chosen)))
        words = [str((folder / name).absolute()) for name in ("config.json", "answer.json")]
        run([sys.executable, "-P", "-m", _TESTING, *words], cwd=context.root)
        return msgspec.json.decode((folder / "answer.json").read_bytes(), type=tuple[RouteAnswer, ...])
