"""Time whole commands.

Lives here: seconds_of and costs_of, which interleave commands and give the median of each, and row.
Not here: any benchmark.
Law: peers are measured in the same run, turn by turn, after one unmeasured turn.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "DVC_NO_ANALYTICS": "true",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "",
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }


@dataclass(frozen=True)
class Peer:
    """A command with the folder it runs in. `before` is called before each run and not measured."""

    words: Sequence[str]
    cwd: Path = ROOT
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Cost:
    """Medians of whole processes: seconds, and the peak of resident memory in MB."""

    seconds: float
    megabytes: float


def costs_of(peers: Sequence[Peer], repeat: int) -> list[Cost]:
    """Turn by turn, after one unmeasured turn. Raises CalledProcessError where one fails."""
    taken: list[list[Cost]] = [[] for _ in peers]
    for turn in range(repeat + 1):
        for index, peer in enumerate(peers):
            peer.before()
            cost = _cost(peer)
            if turn:
                taken[index].append(cost)
    return [
        Cost(statistics.median(c.seconds for c in costs), statistics.median(c.megabytes for c in costs))
        for costs in taken
    ]


def _cost(peer: Peer) -> Cost:
    started = time.perf_counter()
    process = subprocess.Popen(
        peer.words, cwd=peer.cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(peer.words))
    return Cost(seconds, usage.ru_maxrss / 1024)


def seconds_of(commands: Sequence[Sequence[str]], repeat: int, *, cwd: Path = ROOT) -> list[float]:
    """The median wall time of each command, as a whole process. Raises CalledProcessError where one fails."""
    return [cost.seconds for cost in costs_of([Peer(words, cwd) for words in commands], repeat)]


def row(name: str, ours: float, peer: float | None = None, budget: float | None = None) -> dict[str, Any]:
    """`holds`: None where nothing was promised."""
    ratio = ours / peer if peer else None
    holds = None if budget is None else ours <= budget
    return {"name": name, "ours": ours, "peer": peer, "ratio": ratio, "budget": budget, "holds": holds}
