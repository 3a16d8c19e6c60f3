"""The verb `watch`.

Lives here: its arguments, waiting between two looks, and what it prints.
Not here: looking and handing over (api).
Law: an error of one look is printed, and the next look comes all the same; one process at a time watches an environment.
"""

from __future__ import annotations

import signal
import threading
import time
from datetime import UTC, datetime

import click

from mlops.cli.session import Session, overrides_argument, pass_session, report
from mlops.errors import LockHeld, MlopsError


@click.command("watch")
@click.option("--once", is_flag=True, help="Look once, hand over what there is, and end: for cron or a CI schedule.")
@overrides_argument
@pass_session
def command(session: Session, once: bool, overrides: tuple[str, ...]) -> None:
    """Hand over a plan for review when monitors find something, sources change, or a schedule says so."""
    from mlops.api import ProjectWatch

    watch = ProjectWatch(session.root, overrides)
    with watch.alone() as is_free:
        if not is_free:
            raise LockHeld.of("is watched already", f"Another `mlops watch` holds {watch.folder}. One is enough.")
        if once:
            _say(session, watch.look(time.time()))
            return
        ended = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        session.say(f"watching, every {watch.settings.every:g} s")
        while not ended.is_set():
            try:
                _say(session, watch.look(time.time()))
            except MlopsError as error:
                report(error, session.root, "The next look comes all the same.")
            ended.wait(watch.settings.every)


def _say(session: Session, lines: list[str]) -> None:
    for line in lines:
        session.say(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S} {line}")
