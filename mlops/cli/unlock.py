"""The verb `unlock`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: frees a lease that nobody holds any more.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, overrides_argument, pass_session


@click.command("unlock")
@overrides_argument
@click.option("--force", is_flag=True, help="Even if its holder seems alive.")
@pass_session
def command(session: Session, overrides: tuple[str, ...], force: bool) -> None:
    """Free the lease of an apply that died."""
    session.say(session.open(overrides).unlock(force=force))
