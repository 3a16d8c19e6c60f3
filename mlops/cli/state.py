"""The verb `state`.

Lives here: pull and mv, and what they print.
Not here: the work (api).
Law: pull reads; mv changes records alone, never the world.
"""

from __future__ import annotations

import json

import click

from mlops.cli.session import Session, overrides_argument, pass_session


@click.group("state")
def command() -> None:
    """Look at what is recorded, or correct it by hand."""


@command.command("pull")
@overrides_argument
@pass_session
def pull(session: Session, overrides: tuple[str, ...]) -> None:
    """Print all that this environment's state holds now, as JSON."""
    from mlops.api import pull_state

    session.say(json.dumps(pull_state(session.open(overrides)), indent=2, sort_keys=True, ensure_ascii=False))


@command.command("mv")
@click.argument("old")
@click.argument("new")
@overrides_argument
@click.option("--serial", type=int, help="Refuse unless the state has this serial, as `state pull` shows it.")
@click.option("--lock-timeout", default="0s", metavar="DURATION", help="How long to wait for another apply, as in 30s.")
@pass_session
def mv(session: Session, old: str, new: str, overrides: tuple[str, ...], serial: int | None, lock_timeout: str) -> None:
    """Record under another address what is recorded under OLD. For review in a pull request, use `moved:` instead."""
    from mlops.api import rename

    session.say(rename(session.open(overrides), old, new, serial=serial, lock_timeout=lock_timeout))
