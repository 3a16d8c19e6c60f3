"""What the schedule of a batch is on this machine.

Lives here: LocalSchedules.
Not here: what is due (scoring), the process itself (workloads.scoring.schedule).
Law: a process is restarted only where what it runs by is another.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlops.context.context import Context
from mlops.targets.local.host import Host, newest
from mlops.tools.supervisor import Program


class LocalSchedules:
    """The schedules of batches, kept by the supervisor of a stack."""

    def __init__(self, context: Context, stack: str) -> None:
        self._root = context.root
        self._host = Host(context.paths, stack)

    def runs(self, name: str) -> bool:
        state = self._host.supervisor.states().get(_program(name))
        return state is not None and state.name in ("RUNNING", "STARTING")

    def start(self, name: str, config: Path, schedule: str, *, anew: bool) -> None:
        """Start the process, or leave the one that runs. `anew`: it reads another configuration now."""
        program = _program(name)
        if anew:
            self._host.supervisor.take(program)
        words = [sys.executable, "-P", "-m", "mlops.workloads.scoring.schedule", str(config), schedule]
        self._host.supervisor.put(Program(program, words, self._host.logs / f"{program}.log", cwd=self._root))

    def stop(self, name: str) -> None:
        self._host.supervisor.take(_program(name))

    def logs(self, name: str) -> tuple[Path, ...]:
        return newest(self._host.logs.glob(f"{_program(name)}.log"))


def _program(name: str) -> str:
    return f"batch-{name}"
