"""The verb `publish`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: writes to the registry that is named, and nothing here.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.command("publish")
@click.argument("address")
@click.argument("version", default="dvc.lock")
@click.option(
    "--mlflow", "uri", required=True, metavar="URI", help="MLflow's tracking URI, such as https://mlflow.example.com."
)
@pass_session
def command(session: Session, address: str, version: str, uri: str) -> None:
    """Publish a version of a model to an MLflow registry: its files, values, metrics and names.

    VERSION is a name such as champion, the beginning of a digest, or a commit; without one, it is what dvc.lock pins. What is
    there already only gets its names.
    """
    from mlops.api import publish_version

    session.say(publish_version(session.open(), address, uri, version=version))
