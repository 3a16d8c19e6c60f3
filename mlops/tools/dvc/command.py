"""Carry out the command of one stage.

Lives here: StageCommand, and reporting, how a stage reports its progress and its problems.
Not here: what was made of it (execute), the processes that wait for work (workers).
Law: its problems come back as it reported them, its progress while it runs; it does not outlive this process.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import FileLocation, MlopsError, Problem, ToolFailed
from mlops.tools.dvc.workers import hand_over
from mlops.tools.process import run
from mlops.tools.progress import ReportProgress
from mlops.tools.scratch import scratch

_SCRIPT = re.compile(r"python (pipelines/\w+\.py) ([a-z0-9][a-z0-9-]*)")
_QUIET_SHELLS = {"bash": ["--noprofile", "--norc"], "zsh": ["--no-rcs"]}


PROBLEMS_VARIABLE, PROGRESS_VARIABLE = "MLOPS_STAGE_PROBLEMS", "MLOPS_STAGE_PROGRESS"


@contextmanager
def reporting(root: Path, say: ReportProgress) -> Iterator[tuple[Mapping[str, str], Callable[[], None]]]:
    """Yield the variables that a stage must see, and what to call while it runs. Raises the problems that it reported."""
    with scratch(root / ".mlops" / "tmp") as folder:
        problems, progress = folder / "problems", folder / "progress"
        last = [""]
        try:
            yield (
                {PROBLEMS_VARIABLE: str(problems), PROGRESS_VARIABLE: str(progress)},
                lambda: _report(progress, last, say),
            )
        except ToolFailed as error:
            found = _problems(problems)
            if found:
                raise MlopsError(*found) from error
            raise


@dataclass(frozen=True)
class StageCommand:
    root: Path
    stage: str
    text: str
    say: ReportProgress

    def run(self) -> None:
        """Run the command. Raises MlopsError with the stage's own problems, or ToolFailed with the end of what it
        wrote."""
        try:
            with reporting(self.root, self.say) as (variables, watch):
                self._carry_out({**variables, "DVC_ROOT": str(self.root), "DVC_STAGE": self.stage}, watch)
        except ToolFailed as error:
            raise ToolFailed.of("stage failed", f"Stage {self.stage}: {error.problems[0].detail}") from error

    def _carry_out(self, env: Mapping[str, str], watch: Callable[[], None]) -> None:
        script = _SCRIPT.fullmatch(self.text)
        output = Path(env[PROBLEMS_VARIABLE]).with_name("output")
        if script and hand_over(self.root, script[1], script[2], env, output, watch):
            return
        shell = os.environ.get("SHELL") or "/bin/sh"
        for line in self.text.splitlines():
            words = [shell, *_QUIET_SHELLS.get(Path(shell).name, []), "-c", line]
            run(words, cwd=self.root, env=env, while_running=watch)


def _report(progress: Path, last: list[str], say: ReportProgress) -> None:
    """Report the newest line, once. `last` holds the line that was reported before."""
    try:
        line = progress.read_text().splitlines()[-1]
        report = json.loads(line)
    except (OSError, ValueError, IndexError):
        return
    if line != last[0]:
        last[0] = line
        say(report["line"], report["fraction"])


def _problems(path: Path) -> list[Problem]:
    try:
        return problems_of(json.loads(path.read_text()))
    except (OSError, ValueError):
        return []


def problems_of(written: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Return the problems that a stage or a pod has written."""
    return [Problem(**{**one, "source": FileLocation(**one["source"]) if one["source"] else None}) for one in written]
