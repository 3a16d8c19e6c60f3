"""The verb `render`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: writes params/ and nothing else.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session, refresh_data_option


@click.command("render")
@click.option("--check", is_flag=True, help="Write nothing; fail where params/ is out of date.")
@refresh_data_option
@pass_session
def command(session: Session, check: bool, refresh_data: bool) -> None:
    """Write params/, what DVC reads and a pull request shows."""
    files = session.open().render_params(check=check, refresh_data=refresh_data)
    for line in files:
        session.say(line)
    session.say("params/ is up to date." if not files else f"{len(files)} files {'differ' if check else 'written'}.")
    if check and files:
        session.say("Run `mlops render` and commit params/.")
        raise SystemExit(1)
