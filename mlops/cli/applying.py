"""Show a plan, ask, apply it, and say how it went.

Lives here: apply_and_report and streamed, shared by apply and destroy.
Not here: applying (api, engine).
Law: Ctrl-C once finishes what runs and starts nothing new; twice ends at once.
"""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mlops.cli.session import Session
from mlops.errors import MlopsError
from mlops.render.document import plan_document
from mlops.render.paint import Paint
from mlops.render.progress import JsonLines, Progress
from mlops.render.terminal import render_terminal

if TYPE_CHECKING:
    from mlops.api import Project
    from mlops.engine.events import Sink
    from mlops.engine.plan import Plan


def apply_and_report(
    session: Session, project: Project, plan: Plan, *, ask: bool = False, stream: JsonLines | None = None,
    lock_timeout: str = "0s", parallel: int = 4, overrides: Sequence[str] = (), resume: bool = False,
    wait: bool = True,
) -> None:  # fmt: skip
    """Show the plan, ask, apply it and report. Ends with SystemExit where the apply did not succeed."""
    document = plan_document(plan)
    if stream:
        stream.planned(document)
    else:
        drawn = render_terminal(document, **session.drawing, seconds=time.perf_counter() - session.started)
        session.say(drawn.rstrip("\n"))
    if not document["changes"] and not document["summary"]["adopt"]:
        return
    if document["changes"] and ask and not click.confirm("\nApply this plan?", default=False):
        session.say("Nothing was changed.")
        return
    if document["changes"] and not stream:
        session.say()
    with interrupts() as stop:
        result = project.carry_out(
            plan, sink=stream or _progress(session, document), stop=stop, lock_timeout=lock_timeout, parallel=parallel,
            resume=resume, wait=wait,
        )  # fmt: skip
    if result.error is not None:
        from mlops.cli.session import report

        if stream:
            stream.diagnostics(result.error.problems)
        else:
            session.say()
            report(result.error, session.root, result.outcome)
        if session.debug and result.error.__cause__ is not None:
            traceback.print_exception(result.error.__cause__)
        raise SystemExit(result.error.exit_code)
    if not stream and document["changes"]:
        session.say(f"{result.outcome}{' ' + project.headline() if project.headline() else ''}")
        for line in project.keep_hints(overrides):
            session.say(line)


@contextmanager
def streamed(session: Session, as_json: bool) -> Iterator[JsonLines | None]:
    """Give a stream of JSON Lines where that was asked for, and write an error that occurs meanwhile into it."""
    if not as_json:
        yield None
        return
    stream = JsonLines(session.say)
    try:
        yield stream
    except MlopsError as error:
        stream.diagnostics(error.problems)
        raise


def _progress(session: Session, document: dict[str, object]) -> Sink:
    changes: list[dict[str, str]] = document["changes"]  # type: ignore[assignment]
    names = max((len(change["address"]) for change in changes), default=18)
    flash = _flash if session.color else None
    return Progress(session.say, flash, Paint(session.color), names)


def _flash(line: str | None) -> None:
    width = shutil.get_terminal_size((100, 24)).columns
    sys.stdout.write(f"\r\x1b[2K{line[: width - 1]}" if line else "\r\x1b[2K")
    sys.stdout.flush()


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Give an event that the first Ctrl-C or SIGTERM sets; the second Ctrl-C ends the command at once."""
    stop = threading.Event()

    def first(signum: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        click.echo("\nFinishing what runs, starting nothing new. Ctrl-C again ends at once.", err=True)

    before = {s: signal.signal(s, first) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
