"""Time whole commands.

Lives here: seconds_of, which interleaves commands and gives the median of each.
Not here: any benchmark.
Law: peers are measured in the same run, turn by turn, after one unmeasured turn.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def seconds_of(commands: Sequence[Sequence[str]], repeat: int, *, cwd: Path = ROOT) -> list[float]:
    """The median wall time of each command, as a whole process. Raises CalledProcessError where one fails."""
    env = {
        **os.environ,
        "DVC_NO_ANALYTICS": "true",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "",
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    taken: list[list[float]] = [[] for _ in commands]
    for turn in range(repeat + 1):
        for index, command in enumerate(commands):
            started = time.perf_counter()
            subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True)
            if turn:
                taken[index].append(time.perf_counter() - started)
    return [statistics.median(times) for times in taken]
