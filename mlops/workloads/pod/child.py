"""Run a program for as long as the pod lives.

Lives here: run_child, and child_environment, what its programs see.
Not here: which programs (work).
Law: its lines are passed on as they come; when this process is ended, or killed, the program and its children end too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops.errors import ToolFailed
from mlops.workloads.parent_death import die_with_parent
from mlops.workloads.stage import PROBLEMS, PROGRESS

_GRACE = 40.0
"""Seconds between SIGTERM and SIGKILL: less than the pod's own."""
_LAST = 15


def child_environment(root: Path) -> dict[str, str]:
    """Return the environment of a program: no telemetry, and writing in the workspace alone, as a pod's root is read-only."""
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    env = {
        **os.environ, "PATH": os.pathsep.join(filter(None, paths)),
        "DVC_NO_ANALYTICS": "true", "PYTHONUNBUFFERED": "1", PROBLEMS: str(root / ".dvc" / "tmp" / "problems.json"),
    }  # fmt: skip
    env.setdefault("DVC_SITE_CACHE_DIR", str(root / ".dvc" / "tmp" / "site"))
    env.setdefault("OMP_NUM_THREADS", "1")
    return {name: value for name, value in env.items() if name != PROGRESS}


def run_child(words: Sequence[str], env: Mapping[str, str]) -> None:
    """Run a program to its end. Raises ToolFailed, with the end of what it wrote."""
    process = subprocess.Popen(
        words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True, preexec_fn=die_with_parent,  # noqa: PLW1509  takes no lock
    )  # fmt: skip
    last: deque[str] = deque(maxlen=_LAST)
    with process:
        try:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                last.append(line)
            status = process.wait()
        except BaseException:
            _end(process)
            raise
    if status != 0:
        name = Path(words[0]).name if words[0] != sys.executable else f"python {' '.join(words[1:3])}"
        raise ToolFailed.of(
            f"{name} failed",
            f"`{' '.join(words[1:])}` ended with {_status(status)}. The end of what it wrote:\n{''.join(last)}",
        )


def _status(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else str(status)


def _end(process: subprocess.Popen[str]) -> None:
    for sign, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, sign)
            process.wait(patience)
            _wait_for_group(process.pid, patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _wait_for_group(group: int, patience: float) -> None:
    """Wait for what the program had started: a training writes a last checkpoint. Raises TimeoutExpired."""
    deadline = time.monotonic() + patience
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.05)
        raise subprocess.TimeoutExpired("the program's children", patience)
