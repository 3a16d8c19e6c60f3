"""The verb `status`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads and never changes the world.
"""

from __future__ import annotations

import json

import click

from mlops.cli.session import Session, overrides_argument, pass_session


@click.command("status")
@overrides_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show how everything that was applied is doing."""
    from mlops.render.status import render_status

    statuses = session.open(overrides).status()
    session.say(
        json.dumps(statuses, indent=2, sort_keys=True) if as_json else render_status(statuses, color=session.color)
    )
