"""Say how much of the machine a preparation may use.

Lives here: MachineResources, from MLOPS_PREPARE_THREADS and MLOPS_PREPARE_MEMORY, or else from the machine and its cgroup.
Not here: using them (sql, prepare).
Law: they change how long a preparation takes, never a byte of what it writes; so no digest knows them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops.config.schema.units import parse_size
from mlops.workloads.stage import failed

THREADS = "MLOPS_PREPARE_THREADS"
"""Environment variable: how many threads prepare a data set. Default: one for each core that the process may use."""
MEMORY = "MLOPS_PREPARE_MEMORY"
"""Environment variable: how much memory the process may take, such as 2Gi. Default: half of the machine's or the cgroup's."""
LEAST = 384 * 2**20
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class MachineResources:
    """What a preparation may use. `memory`: bytes of the whole process; beyond them, rows go to the scratch folder."""

    threads: int
    memory: int

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> MachineResources:
        """Return what the environment says, or else what is there. Raises MlopsError for a value that cannot be read."""
        return cls(_threads(environment.get(THREADS)), _memory(environment.get(MEMORY)))


def _threads(text: str | None) -> int:
    if not text:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise failed("wrong setting", f"{THREADS} is `{text}`, and is a whole number above zero. Correct or unset it.")


def _memory(text: str | None) -> int:
    if not text:
        return max(LEAST, _memory_there() // 2)
    try:
        size = parse_size(text)
    except ValueError as error:
        raise failed("wrong setting", f"{MEMORY}: {error}. Correct or unset it.") from error
    if size < LEAST:
        raise failed(
            "wrong setting",
            f"{MEMORY} is {text}, and a preparation needs {LEAST // 2**20}Mi or more. Raise or unset it.",
        )
    return size


def _memory_there() -> int:
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in map(Path, _LIMITS):
        text = path.read_text().strip() if path.exists() else ""
        sizes += [int(text)] if text.isdecimal() else []
    return min(sizes)
