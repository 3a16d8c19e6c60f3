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
    help="Write a model's evaluation, or its search, as one page of HTML that needs no network.",
)
@click.option(
    "--versions",
    is_flag=True,
    help="List a model's versions: names, metrics, data, commit, where they run. --format json has everything.",
)
@click.option("--tuning", is_flag=True, help="Show the trials of a model's search; with --report, as a page of charts.")
@click.option(
    "--as-yaml",
    is_flag=True,
    help="Write a model as plain YAML, with what its search or `architecture: auto` has found.",
)
@pass_session
def command(
    session: Session, what: str | None, view: str, report: Path | None, *, versions: bool, tuning: bool, as_yaml: bool
) -> None:
    """Show what is recorded of a resource, or draw a saved plan."""
    from mlops.api import plain_yaml, view_of, write_report

    if as_yaml:
        if what is None:
            raise click.UsageError("--as-yaml needs the address of a model, such as model.NAME.")
        session.say(plain_yaml(session.open(), what))
        return
    if tuning:
        _show_search(session, what, view, report)
        return
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


def _show_search(session: Session, what: str | None, view: str, report: Path | None) -> None:
    from mlops.api import read_tuning, write_tuning_report
    from mlops.render.search import render_search

    if what is None:
        raise click.UsageError("--tuning needs the address of a model, such as model.NAME.")
    project = session.open()
    address = project.address_of(what)
    if report is not None:
        write_tuning_report(project.root, address, report)
        session.say(f"Written: {report}")
        return
    ledger = read_tuning(project.root, address)
    if view == "json":
        session.say(json.dumps(ledger, indent=2, sort_keys=True, ensure_ascii=False))
    else:
        session.say(render_search(ledger, color=session.color))
