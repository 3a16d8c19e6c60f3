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
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a model's evaluation as one page of HTML that needs no network.",
)
@pass_session
def command(session: Session, what: str | None, view: str, report: Path | None) -> None:
    """Show what is recorded of a resource, or draw a saved plan."""
    from mlops.api import view_of, write_report

    if report is not None:
        if what is None:
            raise click.UsageError("--report needs the address of a model, such as model.NAME.")
        project = session.open()
        write_report(project.root, project.address_of(what), report)
        session.say(f"Written: {report}")
        return

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
