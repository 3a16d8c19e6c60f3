"""The verb `compare`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: reads and never changes the world.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from mlops.cli.session import Session, pass_session


@click.command("compare")
@click.argument("address")
@click.argument("first")
@click.argument("second", default="dvc.lock")
@click.option("--format", "view", type=click.Choice(["terminal", "json", "markdown", "html"]), default="terminal")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it there.")
@pass_session
def command(session: Session, address: str, first: str, second: str, view: str, out: Path | None) -> None:
    """Hold two versions of a model against each other: values, data, metrics with intervals, slices, plots.

    FIRST and SECOND are names such as champion, beginnings of digests, or commits; without SECOND, it is what dvc.lock pins.
    HTML has the plots.
    """
    from mlops.api import compare_versions
    from mlops.render.sections import render_sections

    title, sections = compare_versions(session.open(), address, first, second)
    if view == "json":
        body = {"title": title, "sections": [asdict(section) for section in sections]}
        text = json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False)
    else:
        text = render_sections(view, title, sections)
    session.write(text, out)
