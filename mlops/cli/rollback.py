"""The verb `rollback`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: a rollback is a plan like any other: shown, confirmed or saved, and applied.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlops.cli.session import Session, overrides_argument, pass_session
from mlops.errors import MlopsError


@click.command("rollback")
@click.argument("address")
@overrides_argument
@click.option(
    "--to",
    metavar="VERSION",
    help="A serial, version, tag or digest of `mlops history ADDRESS`. Default: the one before.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan, and apply it later.")
@click.option("--now", is_flag=True, help="In one move, without the steps of a rollout.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--lock-timeout", default="0s", metavar="DURATION", help="How long to wait for another apply, as in 30s.")
@pass_session
def command(
    session: Session, address: str, overrides: tuple[str, ...], to: str | None, out: Path | None, now: bool,
    yes: bool, lock_timeout: str,
) -> None:  # fmt: skip
    """Plan a resource, and nothing else, back to what was recorded; then apply that."""
    from mlops.api import plan_rollback, rollback_edits, view_of
    from mlops.cli.applying import apply_and_report

    project = session.open(overrides)
    plan = plan_rollback(project, address, to, at_once=now)
    if out is not None:
        project.save(plan, out)
        document = project.document(plan, saved_as=out)
        session.say(view_of(document, "terminal", **session.drawing, started=session.started))
        return
    if not yes and not sys.stdin.isatty():
        raise MlopsError.of(
            "no one to ask",
            "This is not a terminal, so nobody can confirm the plan. Save it with --out FILE and run `mlops apply FILE`, or "
            "say --yes.",
        )
    apply_and_report(session, project, plan, ask=not yes, lock_timeout=lock_timeout)
    for line in rollback_edits(project, plan):
        session.say(line)
