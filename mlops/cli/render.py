"""The verb `render`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: writes params/ and nothing else.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.command("render")
@click.option("--check", is_flag=True, help="Write nothing; fail where params/ is out of date.")
@pass_session
def command(session: Session, check: bool) -> None:
    """Write params/, what DVC reads and a pull request shows."""
    told = session.open().render_params(check=check)
    for line in told:
        session.say(line)
    session.say("params/ is up to date." if not told else f"{len(told)} files {'differ' if check else 'written'}.")
    if check and told:
        session.say("Run `mlops render` and commit params/.")
        raise SystemExit(1)
