"""The verb `alias`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: makes a tag in this clone, and pushes nothing.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.command("alias")
@click.argument("address")
@click.argument("name")
@click.argument("version", default="dvc.lock")
@click.option("-m", "--message", default="", help="Why, for the tag.")
@click.option("--remove", is_flag=True, help="Take the name away instead.")
@pass_session
def command(session: Session, address: str, name: str, version: str, message: str, remove: bool) -> None:
    """Give a version of a model a name, such as champion or v1.2.0: a tag in git, as GTO writes it.

    VERSION is the beginning of a digest, another name, or a commit; without one, it is what dvc.lock pins. What names
    it in YAML, such as `model: delay@champion`, follows once the tag is pushed.
    """
    from mlops.api import give_alias, take_alias

    project = session.open()
    if remove:
        made = take_alias(project, address, name, message=message)
        session.say(f"{made.tag}: {address} {made.version} is no longer {name}.")
    else:
        made = give_alias(project, address, name, version=version, message=message)
        was = f", which was {made.before}" if made.before else ""
        session.say(f"{made.tag}: {name} is {address} {made.version} of commit {made.commit[:8]}{was}.")
    session.say(f"Push it for others, and for review: git push origin '{made.tag}'")
