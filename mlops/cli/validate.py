"""The verb `validate`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads conf/, and whether secrets have a value; another machine may have those that lack one here, so they are no error.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, overrides_argument, pass_session


@click.command("validate")
@overrides_argument
@pass_session
def command(session: Session, overrides: tuple[str, ...]) -> None:
    """Judge conf/ without looking at the world: every problem at once, or none."""
    from mlops.api import load_spec, secrets_without_value

    spec = load_spec(session.root, overrides)
    session.say(f"Valid: {len(spec.resources)} resources in environment {spec.environment}.")
    for problem in secrets_without_value(spec):
        where = f" ({problem.source})" if problem.source else ""
        session.say(f"Note: {problem.address}{where}: {problem.detail}")
