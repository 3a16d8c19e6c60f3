"""Send messages through Apprise.

Lives here: send.
Not here: which message, and when (alerter).
Law: a message either was taken by whom it is for, or there is a sentence that says why not, without a secret in it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import apprise

from mlops.contracts.alerts import AlertRoute
from mlops.errors import MlopsError
from mlops.secret_values import SecretReader

_TYPES = {"warning": apprise.NotifyType.WARNING, "critical": apprise.NotifyType.FAILURE}


def send(route: AlertRoute, secrets: Path, *, severity: str, title: str, body: str) -> str:
    """Send one message; return why it did not arrive, or nothing where it did."""
    reader = SecretReader(secrets)
    try:
        url = reader.fill(route.url, field=f"alerts.routes.{route.name}.url")
    except MlopsError as error:
        return error.problems[0].detail
    way = apprise.Apprise()
    if not way.add(url):
        return (
            f"Apprise knows no way for the address of the route {route.name}. Look at `alerts.routes.{route.name}.url`."
        )
    capture: Any = apprise.LogCapture
    with capture(level=logging.WARNING, fmt="%(message)s") as log:
        try:
            arrived = way.notify(body=body, title=title, notify_type=_TYPES[severity])
        except Exception as error:  # what a library for one service raises may be anything
            return reader.mask(f"{type(error).__name__}: {error}").replace(url, "***")
        said = " ".join(log.getvalue().split())
    return "" if arrived else reader.mask(said).replace(url, "***") or "it was not taken, and nothing says why"
