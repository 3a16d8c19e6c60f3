"""Stand between a DVC stage and its work.

Lives here: run_stage, say, and the reading of a stage's parameters.
Not here: the work.
Law: a stage ends with its problems as sentences and as data, never with a traceback for a mistake of the user.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from mlops.errors import MlopsError, Problem, refusal
from mlops.workloads.parent_death import die_with_parent

PROBLEMS = "MLOPS_STAGE_PROBLEMS"
"""Environment variable: the file that problems are written to, for whoever started the stage."""
PROGRESS = "MLOPS_STAGE_PROGRESS"
"""Environment variable: the file that progress is appended to, one JSON object a line."""


def run_stage(work: Callable[[str], None]) -> None:
    """Run `work` with the name that the command line gives; end the process where it fails.

    `work` can import modules of the project, which is the working directory. Its local time is UTC, on every machine.
    """
    os.environ["TZ"] = "UTC"
    time.tzset()
    die_with_parent(signal.SIGKILL)
    sys.path.insert(1, str(Path.cwd()))
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} NAME")
    try:
        work(sys.argv[1])
    except MlopsError as error:
        _give_up(error)
    except Exception as error:
        refused = refusal(error)
        if refused is None:
            raise
        _give_up(refused)


def _give_up(error: MlopsError) -> NoReturn:
    path = os.environ.get(PROBLEMS)
    if path:
        with suppress(OSError):
            Path(path).write_text(json.dumps([asdict(problem) for problem in error.problems]))
    for problem in error.problems:
        print(f"Error: {problem.summary}\n  {problem.detail}", file=sys.stderr)
    sys.exit(1)


def say(line: str, fraction: float | None = None) -> None:
    """Report progress: to whoever started the stage, or else to the terminal. Of several processes, the first speaks."""
    if os.environ.get("RANK", "0") != "0":
        return
    path = os.environ.get(PROGRESS)
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"line": line, "fraction": fraction}) + "\n")
    else:
        print(line, flush=True)


def read_params(kind: str, name: str) -> dict[str, Any]:
    """Return what params/KIND/NAME.json holds. Raises MlopsError where it is missing or no JSON."""
    path = Path("params") / kind / f"{name}.json"
    try:
        params: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise MlopsError.of("no parameters", f"{path} does not exist. Write it with `mlops render`.") from error
    except ValueError as error:
        raise MlopsError.of("damaged parameters", f"{path} is not JSON: {error}. Run `mlops render`.") from error
    return params


def failed(summary: str, *details: str, address: str | None = None) -> MlopsError:
    """Return an error with one problem for each detail."""
    return MlopsError(*(Problem(summary, detail, address=address) for detail in details))


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, two spaces of indent and a final newline, so that equal values give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")
