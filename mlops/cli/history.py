"""The verb `history`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads and never changes the world.
"""

from __future__ import annotations

import json

import click

from mlops.cli.session import Session, pass_session


@click.command("history")
@click.argument("address", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, address: str | None, as_json: bool) -> None:
    """List the applies, or the recorded versions of one resource."""
    from mlops.render.status import render_history

    versions = session.open().history(address)
    session.say(
        json.dumps(versions, indent=2, sort_keys=True) if as_json else render_history(versions, color=session.color)
    )
