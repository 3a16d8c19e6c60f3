"""The verb `apply`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: does what the plan showed, and asks before it where nobody has reviewed it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlops.cli.session import Session, choice_options, overrides_argument, pass_session, split_words
from mlops.errors import MlopsError


@click.command("apply")
@overrides_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Stream JSON Lines.")
@click.option("--lock-timeout", default="0s", metavar="DURATION", help="How long to wait for another apply, as in 30s.")
@click.option("--parallel", default=4, show_default=True, type=click.IntRange(1, 64), help="Changes made at once.")
@click.option("--resume", is_flag=True, help="Go on with a saved plan whose apply was interrupted.")
@click.option(
    "--wait/--no-wait", default=True, help="Wait for rollouts, or leave them to a controller once they have begun."
)
@click.option("--preflight/--no-preflight", default=True, help="Refuse what is known not to work, or try it.")
@choice_options
@pass_session
def command(
    session: Session, overrides: tuple[str, ...], yes: bool, as_json: bool, lock_timeout: str, parallel: int,
    resume: bool, wait: bool, preflight: bool, targets: tuple[str, ...], exclude: tuple[str, ...], replace: tuple[str, ...],
    refresh_data: bool, may_lose_data: tuple[str, ...],
) -> None:  # fmt: skip
    """Make it so. Give a saved plan's file, or overrides as for `plan`."""
    values, files = split_words(overrides)
    if files and (len(files) > 1 or values or targets or exclude or replace or refresh_data or may_lose_data):
        raise MlopsError.of(
            "too many arguments",
            "A saved plan is applied as it was reviewed: give its file alone, without overrides, targets and the like.",
        )
    if resume and not files:
        raise MlopsError.of(
            "nothing to resume",
            "`--resume` goes on with a saved plan: mlops apply FILE --resume. Without one, `mlops apply` goes on by itself.",
        )
    from mlops.api import Options
    from mlops.cli.applying import apply_and_report, streamed

    with streamed(session, as_json) as stream:
        if files:
            project, plan = session.open_saved(Path(files[0]), resume=resume)
        else:
            project = session.open(values)
            plan = project.plan(
                Options(
                    targets,
                    exclude,
                    replace,
                    preflight=preflight,
                    refresh_data=refresh_data,
                    may_lose_data=may_lose_data,
                )
            )
            _someone_to_ask(yes)
        apply_and_report(
            session, project, plan, ask=not (yes or files), stream=stream, lock_timeout=lock_timeout, parallel=parallel,
            overrides=values, resume=resume, wait=wait,
        )  # fmt: skip


def _someone_to_ask(yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        raise MlopsError.of(
            "no one to ask",
            "This is not a terminal, so nobody can confirm the plan. Review it with `mlops plan --out FILE` and run "
            "`mlops apply FILE`, or say --yes.",
        )
