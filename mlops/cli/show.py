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
@click.option(
    "--versions",
    is_flag=True,
    help="List a model's versions: names, metrics, data, commit, where they run. --format json has everything.",
)
@pass_session
def command(session: Session, what: str | None, view: str, report: Path | None, versions: bool) -> None:
    """Show what is recorded of a resource, or draw a saved plan."""
    from mlops.api import view_of, write_report

    if versions:
        if what is None:
            raise click.UsageError("--versions needs the address of a model, such as model.NAME.")
        session.say(_versions(session, what, view))
        return
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


def _versions(session: Session, what: str, view: str) -> str:
    from mlops.api import version_records, version_table

    if view == "json":
        return json.dumps(version_records(session.open(), what), indent=2, sort_keys=True, ensure_ascii=False)
    rows, unknown = version_table(session.open(), what)
    if view == "terminal":
        from mlops.render.status import render_versions

        return "\n".join([render_versions(rows, color=session.color), *unknown])
    from mlops.render.table import render_table_html, render_table_markdown

    return render_table_markdown(rows) if view == "markdown" else render_table_html(rows, caption=" ".join(unknown))
