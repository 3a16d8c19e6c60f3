"""Say who is told of findings, and when not.

Lives here: AlertSettings, `alerts` of the project or an environment.
Not here: sending (workloads.monitoring.alerts), what a finding is (contracts.watcher).
Law: an address that lets others write to people is a secret; a time is UTC.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import AfterValidator

from mlops.config.schema.base import FieldError, Name, Strict, spec_field
from mlops.config.schema.database_url import is_in_the_clear
from mlops.config.schema.units import Duration

_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_WHOLE_SECRET = re.compile(r"\$\{secret:[A-Za-z_]\w*\}")


def _address(text: str) -> str:
    if _WHOLE_SECRET.fullmatch(text):
        return text
    if is_in_the_clear(text):
        raise FieldError("it holds a password in the clear; write `${secret:NAME}` in its place", hide=True)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://.", text):
        raise FieldError(
            "it is no address that Apprise knows; write one such as `mailto://USER:${secret:NAME}@HOST?to=PERSON`, "
            "`jsons://HOST/PATH` for a webhook, or all of it as `${secret:NAME}`",
            hide=True,
        )
    return text


def _hours(text: str) -> str:
    if not _HOURS.fullmatch(text):
        raise ValueError(f"`{text}` is no span of hours; write two times of the day, UTC: 22:00-07:00")
    return text


class RouteSettings(Strict):
    """One way to reach people."""

    url: Annotated[str, AfterValidator(_address)] = spec_field(
        doc="An address of Apprise, such as `mailto://…`, `slack://…`, `jsons://HOST/PATH`; `${secret:NAME}` allowed, for all of it too."
    )
    severity: Literal["warning", "critical"] = spec_field(
        "warning", doc="From which severity on. A finding says itself how grave it is."
    )
    repeat: Duration | None = spec_field(
        None, doc="Tell again of a finding that is still open after this time. Default: never."
    )
    quiet: Annotated[str, AfterValidator(_hours)] | None = spec_field(
        None,
        doc="Hours (UTC), such as `22:00-07:00`, in which a warning waits for their end; what is critical does not wait. Default: none.",
    )
    closed: bool = spec_field(True, doc="Tell too when a finding that was told of is closed by clean windows.")


class SilenceSettings(Strict):
    """Findings that nobody is told of; plan and status show them all the same."""

    monitor: Name | None = spec_field(None, doc="Those of this monitor. Default: of all.")
    kind: Literal["drift", "concept", "quality", "labels"] | None = spec_field(
        None, doc="Those of this kind. Default: all."
    )
    until: dt.date | None = spec_field(None, doc="Until the beginning of this day, UTC. Default: for good.")
    reason: str = spec_field(doc="Why, for people.", min_length=1)


class AlertSettings(Strict):
    """Who is told of findings."""

    routes: dict[Name, RouteSettings] = spec_field({}, doc="Name -> a way to reach people.")
    silences: tuple[SilenceSettings, ...] = spec_field((), doc="Findings that nobody is told of.")
