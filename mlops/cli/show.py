"""The verb `show`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads and never changes the world.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from mlops.cli.session import Session, pass_session


@click.command("show")
@click.argument("what", metavar="[ADDRESS|PLANFILE]", required=False)
@click.option("--format", "view", type=click.Choice(["terminal", "json", "markdown", "html"]), default="terminal")
@pass_session
def command(session: Session, what: str | None, view: str) -> None:
    """Show what is recorded of a resource, or draw a saved plan."""
    from mlops.api import view_of

    if what and Path(what).is_file():
        project, plan = session.open_saved(Path(what))
        document = project.document(plan, saved_as=Path(what))
        session.say(view_of(document, view, **session.drawing))
        return
    records = session.open().show(what)
    if view == "json":
        session.say(json.dumps(records, indent=2, sort_keys=True, ensure_ascii=False))
    else:
        from mlops.render.status import render_records

        session.say(render_records(records, color=session.color))
