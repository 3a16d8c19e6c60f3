"""The verb `monitor`.

Lives here: test-alert, report, replay and rules, their arguments, and what they print.
Not here: the work (api).
Law: nothing of a monitor is changed; the exit code of test-alert says whether every message arrived.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlops.cli.session import Session, overrides_argument, pass_session


@click.group("monitor")
def command() -> None:
    """See what monitors have found, or would find, and look after those who are told."""


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


@command.command("report")
@click.argument("monitor")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@overrides_argument
@pass_session
def draw_report(session: Session, monitor: str, out: Path, overrides: tuple[str, ...]) -> None:
    """Write what MONITOR has seen as one page of HTML: findings, distributions, tests over time, live metrics."""
    from mlops.api import write_monitor_report

    write_monitor_report(session.open(overrides), monitor, out)
    session.say(f"Written: {out}")


@command.command("replay")
@click.argument("monitor")
@click.option(
    "--rows", required=True, type=click.Path(dir_okay=False, path_type=Path),
    help="Raw rows, as the endpoint takes them: .parquet, .csv, .json or .jsonl.",
)  # fmt: skip
@click.option(
    "--per-window", type=click.IntRange(min=1), metavar="N",
    help="Windows of N rows. Default: by the data set's column of time, or of `min_rows` rows where there is none.",
)  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write a page of HTML of it too.")
@overrides_argument
@pass_session
def replay_file(
    session: Session, monitor: str, rows: Path, per_window: int | None, out: Path | None, overrides: tuple[str, ...]
) -> None:
    """Say what MONITOR would have found in the rows of a file, window by window."""
    from mlops.api import replay_rows
    from mlops.render.replay import render_replay

    answer = replay_rows(session.open(overrides), monitor, rows, per_window=per_window, out=out)
    session.say(render_replay(answer, color=session.color))
    if out is not None and answer.windows:
        session.say(f"Written: {out}")


@command.command("rules")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write them there, rather than print them."
)
@overrides_argument
@pass_session
def print_rules(session: Session, out: Path | None, overrides: tuple[str, ...]) -> None:
    """Print rules for Prometheus: what it is to alert about of this project's monitors."""
    from mlops.api import monitor_rules

    session.write(monitor_rules(session.open(overrides)), out)
