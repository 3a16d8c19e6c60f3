"""The verb `monitor`.

Lives here: test-alert, its arguments, and what it prints.
Not here: the work (api).
Law: the exit code says whether every message arrived.
"""

from __future__ import annotations

import sys

import click

from mlops.cli.session import Session, overrides_argument, pass_session


@click.group("monitor")
def command() -> None:
    """Look after those who are told of findings."""


@command.command("test-alert")
@click.option("--route", "routes", multiple=True, help="Only this route. Default: all of `alerts.routes`.")
@overrides_argument
@pass_session
def try_alert(session: Session, routes: tuple[str, ...], overrides: tuple[str, ...]) -> None:
    """Send a test message to the routes of `alerts`, and say of each whether it arrived."""
    from mlops.api import try_alert_routes

    answers = try_alert_routes(session.open(overrides), routes)
    for answer in answers:
        session.say(f"{answer.route}  {f'did not arrive: {answer.error}' if answer.error else 'arrived'}")
    if any(answer.error for answer in answers):
        sys.exit(1)
