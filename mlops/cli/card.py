"""The verb `card`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads and never changes the world.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from mlops.cli.session import Session, pass_session


@click.command("card")
@click.argument("address")
@click.option(
    "--format", "view", type=click.Choice(["markdown", "html", "croissant"]), default="markdown",
    help="Croissant, metadata in JSON-LD, is of data sets alone.",
)  # fmt: skip
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it there.")
@pass_session
def command(session: Session, address: str, view: str, out: Path | None) -> None:
    """Tell people what a model or a data set is: use and limits as declared, data, metrics, slices, energy and time.

    ADDRESS is dataset.NAME, model.NAME, or a version of it such as model.NAME@champion.
    """
    from mlops.api import card_of, croissant_of
    from mlops.render.sections import render_sections

    project = session.open()
    if view == "croissant":
        text = json.dumps(croissant_of(project, address), indent=2, ensure_ascii=False)
    else:
        text = render_sections(view, *card_of(project, address))
    session.write(text, out)
