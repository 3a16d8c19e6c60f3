"""The verb `schema`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: writes the schemas that editors read.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.command("schema")
@click.argument("kind", required=False)
@click.option("--write", is_flag=True, help="Write all schemas where the YAML files name them.")
@pass_session
def command(session: Session, kind: str | None, write: bool) -> None:
    """Print the JSON Schema of a kind, or write them all for editors."""
    from mlops.api import schema_text, write_schemas

    if write:
        for path in write_schemas(session.root):
            session.say(f"wrote {path}")
        return
    session.say(schema_text(kind))
