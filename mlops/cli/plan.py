"""The verb `plan`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads and never changes the world.
"""

from __future__ import annotations

from pathlib import Path

import click

from mlops.cli.session import FAULT, PENDING, Session, choice_options, overrides_argument, pass_session


@click.command("plan")
@overrides_argument
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan, to be applied as it is.")
@click.option("--format", "view", type=click.Choice(["terminal", "json", "markdown", "html"]), default="terminal")
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help="Exit 2 where changes are pending, 1 where something does not work or cannot be looked at, else 0.",
)
@click.option("--refresh/--no-refresh", default=True, help="Look at the world, or trust what is recorded.")
@click.option(
    "--preflight/--no-preflight",
    default=True,
    help="Refuse what apply would end in, such as a missing column or secret, or leave it for apply to meet.",
)
@click.option("--destroy", is_flag=True, help="Plan to destroy everything.")
@choice_options
@pass_session
def command(
    session: Session, overrides: tuple[str, ...], out: Path | None, view: str, detailed_exitcode: bool,
    refresh: bool, preflight: bool, destroy: bool, targets: tuple[str, ...], exclude: tuple[str, ...], replace: tuple[str, ...],
    refresh_data: bool, may_lose_data: tuple[str, ...],
) -> None:  # fmt: skip
    """Show what would change, across the whole chain, and why."""
    from mlops.api import Options, view_of

    project = session.open(overrides)
    options = Options(
        targets, exclude, replace, refresh=refresh, destroy=destroy, preflight=preflight, refresh_data=refresh_data,
        may_lose_data=may_lose_data,
    )  # fmt: skip
    plan = project.plan(options)
    document = project.document(plan, saved_as=out)
    if out is not None:
        project.save(plan, out)
    session.say(view_of(document, view, **session.drawing, started=session.started))
    if detailed_exitcode and any(item["is_fault"] for item in document["attention"]):
        raise SystemExit(FAULT)
    if detailed_exitcode and document["changes"]:
        raise SystemExit(PENDING)
