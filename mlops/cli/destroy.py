"""The verb `destroy`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: deletes nothing that is protected, and nothing unasked.
"""

from __future__ import annotations

import sys

import click

from mlops.cli.session import Session, data_loss_option, overrides_argument, pass_session, targets_option
from mlops.errors import MlopsError


@click.command("destroy")
@overrides_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Stream JSON Lines.")
@targets_option
@data_loss_option
@pass_session
def command(
    session: Session,
    overrides: tuple[str, ...],
    yes: bool,
    as_json: bool,
    targets: tuple[str, ...],
    may_lose_data: tuple[str, ...],
) -> None:
    """Take down everything of this environment, or the given targets."""
    from mlops.api import Options
    from mlops.cli.applying import apply_and_report, streamed

    with streamed(session, as_json) as stream:
        project = session.open(overrides)
        plan = project.plan(Options(targets, destroy=True, may_lose_data=may_lose_data))
        if not yes and not sys.stdin.isatty():
            raise MlopsError.of("no one to ask", "This is not a terminal, so nobody can confirm. Say --yes to destroy.")
        apply_and_report(session, project, plan, ask=not yes, stream=stream)
