"""The verb `why`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads and never changes the world.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.command("why")
@click.argument("address")
@pass_session
def command(session: Session, address: str) -> None:
    """Say why a resource is as it is: lines of configuration, upstream digests, the apply that made it."""
    from mlops.render.status import render_why

    session.say(render_why(session.open().why(address), color=session.color))
