"""The verb `invoke`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: sends what it is given and prints what comes back.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from mlops.cli.session import Session, pass_session


@click.command("invoke")
@click.argument("address")
@click.option(
    "--rows", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of rows: JSON, JSON Lines or CSV. Default: rows of the test split that the model was checked with.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the answer as it came.")
@pass_session
def command(session: Session, address: str, rows: Path | None, as_json: bool) -> None:
    """Send rows to an endpoint and print its predictions."""
    from mlops.render.status import render_predictions

    sent, answer = session.open().invoke(address, rows)
    text = json.dumps(answer, ensure_ascii=False) if as_json else render_predictions(sent, answer, width=session.width)
    session.say(text)
