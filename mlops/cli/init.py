"""The verb `init`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: overwrites nothing; the last line says what to do next.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops.cli.session import Session, pass_session

if TYPE_CHECKING:
    from mlops.api.init import NewProject


@click.command("init")
@click.argument("folder", default=".", type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--data", metavar="URI", help="Your data: a file, a folder, a pattern, or SCHEME://….")
@click.option("--label", metavar="COLUMN", help="The column to predict. Default: guessed by its name.")
@click.option("--example", metavar="NAME", help="Data that a package ships: flights, or wine, iris, digits, ….")
@click.option("--name", help="What its resources are called. Default: the folder's name.")
@click.option("--upgrade", is_flag=True, help="Bring the stage files of an older project up to date.")
@pass_session
def command(
    session: Session, folder: Path, data: str | None, label: str | None, example: str | None, name: str | None, upgrade: bool
) -> None:  # fmt: skip
    """Make a project in DIR: look at the data, propose everything as YAML, ready to apply."""
    if upgrade:
        _upgrade(session, folder)
        return
    from mlops.api.init import init_project

    project = init_project(folder, data=data, label=label, example=example, name=name)
    for line in _lines(project, folder):
        session.say(line)


def _upgrade(session: Session, folder: Path) -> None:
    from mlops.api.init import upgrade_project

    result = upgrade_project(folder)
    for path in result.written:
        session.say(f"wrote {path.relative_to(folder.absolute())}")
    for path in result.kept:
        session.say(f"kept {path.relative_to(folder.absolute())}: somebody edited it; compare it with a new project's")
    if not result.written:
        session.say("Nothing to upgrade.")


def _lines(project: NewProject, folder: Path) -> list[str]:
    from mlops.api.init import describe_files

    lines = [*describe_files(project)]
    lines += [f"  {note}" for note in project.notes]
    if project.kept:
        lines.append(f"  There already, and left as they are: {', '.join(project.kept)}")
    go = "" if str(folder) == "." else f"cd {shlex.quote(str(folder))} && "
    return [*lines, "", f"Next:  {go}mlops plan"]
