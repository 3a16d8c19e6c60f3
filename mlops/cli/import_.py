"""The verb `import`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: writes one file that did not exist.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, overrides_argument, pass_session


@click.command("import")
@click.argument("address")
@overrides_argument
@pass_session
def command(session: Session, address: str, overrides: tuple[str, ...]) -> None:
    """Take over what exists: write the YAML of a resource that dvc.lock pins, or that was recorded before."""
    from mlops.api import import_resource

    path, text, how = import_resource(session.open(overrides), address)
    session.say(f"Wrote {path.relative_to(session.root)}, {how}:\n")
    session.say(text)
    session.say("See what differs: mlops plan")
