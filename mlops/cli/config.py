"""The verb `config`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: shows what was composed, and where each value comes from.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session, split_words


@click.command("config")
@click.argument("words", nargs=-1, metavar="[ADDRESS] [OVERRIDES]...")
@click.option("--origins/--no-origins", default=True, help="Say beside each value where it was said.")
@pass_session
def command(session: Session, words: tuple[str, ...], origins: bool) -> None:
    """Print the composed configuration, each value with its file and line."""
    from mlops.api import composed_config

    overrides, addresses = split_words(words)
    session.say(composed_config(session.root, overrides, addresses, origins=origins))
