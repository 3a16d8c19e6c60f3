"""The verb `why`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads and never changes the world.
"""

from __future__ import annotations

import json

import click

from mlops.cli.session import Session, pass_session


@click.command("why")
@click.argument("address", metavar="ADDRESS|VERSION")
@click.option("--uses", "forward", is_flag=True, help="Instead, say who depends on it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, address: str, forward: bool, as_json: bool) -> None:
    """Say why a resource is as it is: lines of configuration, upstream digests, the apply that made it.

    VERSION is what an endpoint's answers name in x-mlops-version, or ADDRESS@VERSION.
    """
    from mlops.api import uses, why
    from mlops.render.status import render_uses, render_why

    project = session.open()
    found = uses(project, address) if forward else why(project, address)
    draw = render_uses if forward else render_why
    session.say(json.dumps(found, indent=2, sort_keys=True) if as_json else draw(found, color=session.color))
