"""Try the ways to reach people.

Lives here: try_alert_routes.
Not here: sending (workloads.monitoring.alerts).
Law: nothing but a test message leaves; no state is read or written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.context.context import Context
from mlops.monitoring.alerts import try_routes

if TYPE_CHECKING:
    from mlops.api.project import Project
    from mlops.contracts.alerts import RouteAnswer


def try_alert_routes(project: Project, routes: tuple[str, ...] = ()) -> tuple[RouteAnswer, ...]:
    """Send a test message to routes of `alerts`, all by default; return for each why it did not arrive, or nothing. Raises
    MlopsError where there is no such route."""
    return try_routes(Context(project.root, project.spec.settings, resources=project.spec.resources), routes)
