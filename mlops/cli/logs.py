"""The verb `logs`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads files and never changes them.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.command("logs")
@click.argument("address")
@click.option("-n", "--lines", default=40, show_default=True, type=click.IntRange(1), help="Of each log, from its end.")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines are written.")
@pass_session
def command(session: Session, address: str, lines: int, follow: bool) -> None:
    """Show what a resource's processes, or its last run, wrote."""
    from mlops.cli.tail import follow_files, tail_file

    files = session.open().logs(address)
    for path in files:
        session.say(click.style(f"== {path.name}", bold=True) if session.color else f"== {path.name}")
        session.say("\n".join(tail_file(path, lines)))
    if follow:
        follow_files(files, session.say)
