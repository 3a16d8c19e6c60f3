"""The verb `batch`.

Lives here: rerun, its arguments, and what it prints.
Not here: the work (api).
Law: nothing is scored here; the next plan shows what is due.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.group("batch")
def command() -> None:
    """Say what of a batch is to be scored again."""


@command.command("rerun")
@click.argument("batch")
@click.argument("intervals")
@click.option("--env", help="The environment. Default: that of conf/project.yaml.")
@pass_session
def rerun(session: Session, batch: str, intervals: str, env: str | None) -> None:
    """Have INTERVALS, such as 2013-12-01 or 2013-12-01..2013-12-07, scored again: the next plan shows them as due."""
    from mlops.api import rerun_intervals

    names = rerun_intervals(session.open((f"env={env}",) if env else ()), batch, intervals)
    count = len(names)
    session.say(
        f"{count} interval{'' if count == 1 else 's'} of {batch} will be scored again: {names[0]} … {names[-1]}"
    )
    session.say("See when and how long: mlops plan. Score them: mlops apply")
