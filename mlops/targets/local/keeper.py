"""Keep a local stack alive while nobody looks.

Lives here: Keeper, the program that supervisord runs beside the others: python -m mlops.targets.local.keeper FOLDER SOCKETS
Not here: starting the programs (host), keeping supervisord and this program alive from outside (watch), what traffic a
replica gets (the gateway, which takes a hung one out by itself).
Law: a program that gives no answer for some seconds is ended, and supervisord starts it anew: one that is stopped or does not
compute soon, one that computes later. A supervisord that is gone or gives no answer is replaced.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mlops.errors import ToolFailed
from mlops.targets.local.watch import KEEPER, is_watched, watch_command, watch_pid
from mlops.tools.process import Activity, activity
from mlops.tools.supervisor import ProcessState, Supervisor
from mlops.tools.unix_http import ask

GATEWAY = "gateway"
GATEWAY_SOCKET = "admin.sock"
PATIENCE = 1.0
"""Seconds that a program has for one answer."""
SUPERVISOR_PATIENCE = 2.0
_MISSES_STOPPED, _MISSES_IDLE, _MISSES_BUSY = 2, 3, 8
"""How many questions in a row a program leaves without an answer before it is ended: one that a signal has stopped, one that
does not compute meanwhile (it waits for what never comes), and one that does (it may be at a long request)."""
_IDLE = 0.03
"""Share of a processor below which a program does not compute."""
_PAUSE = 0.5
_MOST_AT_ONCE = 64
_QUESTIONS = {GATEWAY: "/ready"}


@dataclass
class Silence:
    """A process that gives no answer. `since`: of the monotonic clock."""

    pid: int
    since: float
    cpu: float
    misses: int = 0

    def is_over(self, now: float, seen: Activity | None) -> bool:
        """Say whether it has been silent for long enough, after one more question without an answer."""
        self.misses += 1
        if seen is None:
            return self.misses >= _MISSES_IDLE
        if seen.is_stopped:
            return self.misses >= _MISSES_STOPPED
        is_idle = seen.cpu - self.cpu < _IDLE * max(now - self.since, PATIENCE)
        return self.misses >= (_MISSES_IDLE if is_idle else _MISSES_BUSY)


@dataclass
class Keeper:
    """`folder`: of the stack. `sockets`: folder of the programs' sockets, NAME.sock. `said`: is given what was done."""

    folder: Path
    sockets: Path
    said: Callable[[str], None]
    _silent: dict[str, Silence] = field(default_factory=dict)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_MOST_AT_ONCE))
    _watch: subprocess.Popen[bytes] | None = None

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.folder, self.sockets / "supervisor.sock", timeout=SUPERVISOR_PATIENCE)

    def look(self) -> None:
        """Ask every program that runs, and end those that hang. Raises TimeoutError where supervisord itself hangs."""
        states = self.supervisor.states(timeout=SUPERVISOR_PATIENCE)
        running = {name: one for name, one in states.items() if one.name == "RUNNING" and name != KEEPER}
        silent = dict(zip(running, self._pool.map(self._is_silent, running, running.values()), strict=True))
        for name, pid in self._hung(running, silent):
            self.said(f"{name} (process {pid}) gave no answer and is started anew")
            kill(pid)
        if not (self.folder / "logs").is_dir():
            self.said("the folder of the logs was gone and is made anew")
            self.supervisor.reopen_logs()
        self._look_after_watch()

    def _hung(self, running: Mapping[str, ProcessState], silent: Mapping[str, bool]) -> list[tuple[str, int]]:
        now = time.monotonic()
        hung = []
        for name, state in running.items():
            if not silent[name]:
                self._silent.pop(name, None)
                continue
            seen = activity(state.pid)
            known = self._silent.get(name)
            if known is None or known.pid != state.pid:
                known = self._silent[name] = Silence(state.pid, now, seen.cpu if seen else 0.0)
            if known.is_over(now, seen):
                del self._silent[name]
                hung.append((name, state.pid))
        return hung

    def replace_supervisor(self) -> None:
        """Start a new supervisord, which starts a keeper of its own. Raises ToolFailed."""
        self.said("supervisord was gone and is started anew")
        Supervisor(self.folder, self.sockets / "supervisor.sock").start()

    def _is_silent(self, name: str, state: ProcessState) -> bool:
        """Return whether a program takes a connection, or a place in the queue for one, and then says nothing. One that has no
        socket is silent while it is stopped."""
        path = self.sockets / (GATEWAY_SOCKET if name == GATEWAY else f"{name}.sock")
        if not path.exists():
            seen = activity(state.pid)
            return seen is not None and seen.is_stopped
        try:
            ask(path, _QUESTIONS.get(name, "/livez"), timeout=PATIENCE)
        except (TimeoutError, BlockingIOError):
            return True
        except OSError:  # it is just starting or ending, which supervisord sees, or was stopped before it listened
            seen = activity(state.pid)
            return seen is not None and seen.is_stopped
        return False

    def _look_after_watch(self) -> None:
        """Start the process that looks after supervisord and this one from outside, where there is none or it is stopped."""
        if self._watch is not None and self._watch.poll() is not None:
            self._watch = None
        if not is_watched(self.folder):
            if self._watch is None:
                self._watch = subprocess.Popen(
                    watch_command(self.folder, self.sockets), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, start_new_session=True, cwd=self.folder.parent,
                )  # fmt: skip
            return
        pid = watch_pid(self.folder)
        seen = activity(pid) if pid else None
        if pid and seen is not None and seen.is_stopped:
            self.said("the process that watches from outside was stopped and is started anew")
            kill(pid)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _log(text: str) -> None:
    with contextlib.suppress(OSError):  # supervisord, which keeps the output, may be what is gone
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def main() -> None:
    keeper = Keeper(Path(sys.argv[1]), Path(sys.argv[2]), _log)
    supervisord = os.getppid()
    silent = 0
    while True:
        if os.getppid() != supervisord:
            keeper.replace_supervisor()
            return
        try:
            keeper.look()
            silent = 0
        except TimeoutError:
            silent += 1
        except (OSError, ToolFailed) as error:
            _log(f"not now: {error}")
        seen = activity(supervisord)
        if silent >= (1 if seen is not None and seen.is_stopped else _MISSES_IDLE):
            kill(supervisord)
            silent = 0
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
