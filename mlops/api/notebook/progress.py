"""Show how an apply goes, where somebody looks.

Lives here: progress_of, with a bar for terminals and one for notebooks.
Not here: the lines of the command line (cli, render.progress), the events (engine).
Law: nothing is shown in a script whose output is kept; what is shown changes nothing of the apply.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mlops.engine.events import Event, Sink
from mlops.engine.plan import Plan
from mlops.render.document import plan_document
from mlops.render.progress import Progress, render_progress_html

_ENDED = ("change_done", "change_failed", "change_skipped")


@contextmanager
def progress_of(plan: Plan) -> Iterator[Sink]:
    """Give a sink that draws a bar in a notebook or on a terminal, and draws nothing elsewhere."""
    changes = plan_document(plan)["changes"]
    if not changes:
        yield _silent
    elif _in_notebook():
        yield _NotebookBar(changes)
    elif sys.stderr.isatty():
        with _terminal_bar(changes) as sink:
            yield sink
    else:
        yield _silent


def _silent(event: Event) -> None:
    """Take an event that nobody looks at."""


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and getattr(shell, "kernel", None) is not None


class _NotebookBar:
    """Draws lines and a bar into one output of a cell, anew for each event."""

    def __init__(self, changes: list[Mapping[str, Any]]) -> None:
        names = max(len(change["address"]) for change in changes)
        self._total, self._ended = len(changes), 0
        self._lines: list[str] = []
        self._moving = ""
        self._progress = Progress(self._lines.append, self._flash, names=names)
        display = sys.modules["IPython"].display.display
        self._display = display(self, display_id=True)

    def __call__(self, event: Event) -> None:
        self._ended += event.type in _ENDED
        self._progress(event)
        self._display.update(self)

    def _flash(self, line: str | None) -> None:
        self._moving = line or ""

    def _repr_html_(self) -> str:
        return render_progress_html(self._lines, self._moving, ended=self._ended, total=self._total)

    def __repr__(self) -> str:
        return "\n".join([*self._lines, *([self._moving] if self._moving else [])])


@contextmanager
def _terminal_bar(changes: list[Mapping[str, Any]]) -> Iterator[Sink]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=len(changes))
        lines = Progress(
            lambda line: console.print(line, markup=False, highlight=False),
            lambda line: bar.update(task, description=(line or "").strip()[:60]),
            names=max(len(change["address"]) for change in changes),
        )

        def sink(event: Event) -> None:
            lines(event)
            if event.type in _ENDED:
                bar.advance(task)

        yield sink
