"""The verb `status`.

Lives here: its arguments, waiting between two looks, and what it prints.
Not here: the work (api), how it is drawn (render.status).
Law: reads and never changes the world; watching ends by itself when nothing rolls out any more.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from mlops.cli.session import FAULT, Session, overrides_argument, pass_session
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from mlops.api import Project

_LEAST_PAUSE, _INTERRUPTED = 0.1, 130


@click.command("status")
@overrides_argument
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; with --watch, a line of it whenever something changed."
)
@click.option(
    "--watch",
    is_flag=True,
    help="Look again and again, until no rollout goes on any more; exit 1 where a version was found bad since the last apply.",
)
@click.option(
    "--every", default="1s", metavar="DURATION", show_default=True, help="How long to wait between two looks."
)
@pass_session
def command(session: Session, overrides: tuple[str, ...], as_json: bool, watch: bool, every: str) -> None:
    """Show how everything that was applied is doing."""
    from mlops.render.status import render_status

    project = session.open(overrides)
    if watch:
        try:
            code = (_follow if as_json else _watch)(session, project, _pause(every))
        except KeyboardInterrupt:
            code = _INTERRUPTED
        raise SystemExit(code)
    statuses = project.status()
    session.say(
        json.dumps(statuses, indent=2, sort_keys=True) if as_json else render_status(statuses, color=session.color)
    )


def _pause(every: str) -> float:
    from mlops.config.schema.units import parse_duration

    try:
        return max(parse_duration(every), _LEAST_PAUSE)
    except ValueError as error:
        raise MlopsError.of("not a duration", f"--every: {error}.") from error


def _watch(session: Session, project: Project, pause: float) -> int:
    """Draw anew where there is a terminal; elsewhere print all at both ends, and between them the rollouts that moved. Return the
    exit code."""
    from mlops.render.status import render_rollouts, render_status

    is_terminal, said = sys.stdout.isatty(), None
    while True:
        statuses = project.status()
        rollouts = [item["rollout"] for item in statuses if item["rollout"]]
        is_over = not any(rollout["is_running"] for rollout in rollouts)
        if is_terminal:
            click.clear()
        if is_terminal or said is None or is_over:
            session.say(render_status(statuses, color=session.color))
        lines = render_rollouts(statuses)
        for line in lines:
            if not is_terminal and said is not None and not is_over and line not in said:
                session.say(line)
        said = lines
        if is_over:
            return FAULT if rollouts else 0
        time.sleep(pause)


def _follow(session: Session, project: Project, pause: float) -> int:
    """Print all as one line of JSON at the beginning and whenever it is another. Return the exit code."""
    said = ""
    while True:
        statuses = project.status()
        text = json.dumps(statuses, sort_keys=True)
        if text != said:
            session.say(text)
        said = text
        rollouts = [item["rollout"] for item in statuses if item["rollout"]]
        if not any(rollout["is_running"] for rollout in rollouts):
            return FAULT if rollouts else 0
        time.sleep(pause)
