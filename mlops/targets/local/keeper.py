"""Keep a local stack alive while nobody looks.

Lives here: Keeper, the program that supervisord runs beside the others: python -m mlops.targets.local.keeper FOLDER SOCKETS
Not here: starting the programs (host), what traffic a replica gets (the gateway, which takes a hung one out by itself).
Law: a program that gives no answer for some seconds is ended, and supervisord starts it anew; a supervisord that is gone or
gives no answer is replaced. One that was stopped on purpose takes its keeper with it first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlops.errors import ToolFailed
from mlops.tools.supervisor import Supervisor
from mlops.tools.unix_http import ask

KEEPER = "keeper"
"""Name of the program."""
GATEWAY = "gateway"
GATEWAY_SOCKET = "admin.sock"
PATIENCE = 2.0
"""Seconds that a program has for one answer."""
_MISSES = 3
"""How many questions in a row a program leaves without an answer before it is ended."""
_PAUSE = 0.5
_QUESTIONS = {GATEWAY: "/ready"}


@dataclass
class Keeper:
    """`folder`: of the stack. `sockets`: folder of the programs' sockets, NAME.sock. `said`: is given what was done."""

    folder: Path
    sockets: Path
    said: Callable[[str], None]
    patience: float = PATIENCE
    _missed: Counter[str] = field(default_factory=Counter)

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.folder, self.sockets / "supervisor.sock", timeout=self.patience)

    def look(self) -> None:
        """Ask every program that runs, and end those that hang. Raises TimeoutError where supervisord itself hangs."""
        hung = []
        for name, state in self.supervisor.states(is_patient=False).items():
            if state.name != "RUNNING" or name == KEEPER:
                continue
            if self._is_silent(name):
                self._missed[name] += 1
                if self._missed[name] >= _MISSES:
                    hung.append((name, state.pid))
            else:
                del self._missed[name]
        for name, pid in hung:
            self.said(f"{name} (process {pid}) gave no answer for {_MISSES * self.patience:g} s and is started anew")
            del self._missed[name]
            self.supervisor.kill(name)

    def replace_supervisor(self) -> None:
        """Start a new supervisord, which starts a keeper of its own. Raises ToolFailed."""
        self.said("supervisord was gone and is started anew")
        Supervisor(self.folder, self.sockets / "supervisor.sock").start()

    def _is_silent(self, name: str) -> bool:
        """Return whether a program takes a connection, or a place in the queue for one, and then says nothing."""
        path = self.sockets / (GATEWAY_SOCKET if name == GATEWAY else f"{name}.sock")
        if not path.exists():
            return False
        try:
            ask(path, _QUESTIONS.get(name, "/livez"), timeout=self.patience)
        except (TimeoutError, BlockingIOError):
            return True
        except OSError:
            return False  # it is just starting or ending, which supervisord sees
        return False


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
            _log(f"supervisord gives no account of its programs: {error}")
        if silent > _MISSES:
            kill(supervisord)
            silent = 0
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
