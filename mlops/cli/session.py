"""Stand between a verb and the terminal.

Lives here: Session (where the project is, how to print, how errors end), shared options, the exit codes.
Not here: the verbs.
Law: an error ends as sentences and an exit code; a traceback is shown with --debug alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlops.errors import MlopsError

if TYPE_CHECKING:
    from mlops.api import Project
    from mlops.engine.plan import Plan

FAULT, PENDING = 1, 2
ClickCommand = TypeVar("ClickCommand", bound=Callable[..., Any])


@dataclass
class Session:
    """One run of the command line. `root`: the folder with conf/. `started`: when the process began to work, for "0.4
    s"."""

    root: Path
    debug: bool = False
    started: float = field(default_factory=time.perf_counter)

    @property
    def color(self) -> bool:
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        return max(72, min(_columns(), 140))

    @property
    def drawing(self) -> dict[str, Any]:
        """Return how a plan is drawn here: `color`, `width`, and whether long lines are broken, as for eyes."""
        return {"color": self.color, "width": self.width, "wrap": sys.stdout.isatty()}

    def open(self, overrides: Sequence[str] = ()) -> Project:
        from mlops.api import Project

        return Project.open(self.root, overrides=overrides)

    def open_saved(self, path: Path, *, resume: bool = False) -> tuple[Project, Plan]:
        """Return the project as the saved plan needs it, and the plan. Raises StalePlan where it no longer fits."""
        from mlops.api import open_saved

        return open_saved(self.root, path, resume=resume)

    def say(self, text: str = "") -> None:
        click.echo(text)

    def write(self, text: str, path: Path | None) -> None:
        """Print the text or, with a path, write it there. Raises MlopsError where that cannot be done."""
        if path is None:
            self.say(text.rstrip("\n"))
            return
        try:
            path.write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise MlopsError.of("cannot be written", f"{path}: {error.strerror}. Choose another place.") from error
        self.say(f"Written: {path}")


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size((100, 24)).columns


def report(error: MlopsError, root: Path, outcome: str) -> None:
    from mlops.render.terminal import closing_of, render_problems

    color = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    closing = closing_of(error.problems, outcome) if len(error.problems) > 1 else outcome
    text = render_problems(
        error.problems, closing=closing, color=color, width=min(_columns(), 110), wrap=sys.stderr.isatty(),
        read_line=_reader(root),
    )  # fmt: skip
    click.echo(text, err=True, nl=False)


def _reader(root: Path) -> Callable[[str, int], str | None]:
    def read_line(file: str, line: int) -> str | None:
        try:
            lines = (root / file).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        return lines[line - 1] if 0 < line <= len(lines) else None

    return read_line


def overrides_argument(command: ClickCommand) -> ClickCommand:
    return click.argument("overrides", nargs=-1, metavar="[OVERRIDES]...")(command)


def targets_option(command: ClickCommand) -> ClickCommand:
    return click.option(
        "--target", "targets", multiple=True, metavar="ADDR", help="Only this resource and what it needs. Repeatable."
    )(command)


def choice_options(command: ClickCommand) -> ClickCommand:
    for name, word, meaning in (
        ("--replace", "replace", "Make this resource anew, whatever it is. Repeatable."),
        ("--exclude", "exclude", "Not this resource, nor what needs it. Repeatable."),
    ):
        command = click.option(name, word, multiple=True, metavar="ADDR", help=meaning)(command)
    return refresh_data_option(data_loss_option(targets_option(command)))


def data_loss_option(command: ClickCommand) -> ClickCommand:
    return click.option(
        "--allow-data-loss", "may_lose_data", multiple=True, metavar="ADDR",
        help="Delete what this resource holds, such as prediction logs, where the plan says so. Repeatable.",
    )(command)  # fmt: skip


def refresh_data_option(command: ClickCommand) -> ClickCommand:
    return click.option(
        "--refresh-data", is_flag=True, help="Ask databases and other remote sources for what they hold now."
    )(command)


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the overrides (words with `=`), and the other words."""
    return [w for w in words if "=" in w], [w for w in words if "=" not in w]


pass_session = click.make_pass_decorator(Session)
