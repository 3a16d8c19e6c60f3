"""The verb `schema`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: writes the schemas that editors read, and the reference that people read.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.command("schema")
@click.argument("name", required=False)
@click.option("--format", "view", type=click.Choice(["json", "markdown"]), default="json", show_default=True)
@click.option("--write", is_flag=True, help="Write all: conf/schema/ for editors or, as Markdown, docs/reference/.")
@pass_session
def command(session: Session, name: str | None, view: str, write: bool) -> None:
    """Print what may be said in files of a kind, for editors (JSON Schema) or people (Markdown)."""
    from mlops.api import reference_text, schema_text, write_reference, write_schemas

    if write:
        for path in (write_schemas if view == "json" else write_reference)(session.root):
            session.say(f"wrote {path}")
        return
    session.say((schema_text if view == "json" else reference_text)(name))
