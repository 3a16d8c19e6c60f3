"""Look after a local stack from outside of it.

Lives here: the process beside supervisord: python -m mlops.targets.local.watch FOLDER SOCKETS; is_watched, and service_unit,
the text by which systemd runs it from the machine's start on.
Not here: the programs of the stack (keeper, which supervisord runs, and which starts this process where nothing else does).
Law: one for each stack, by a lock that the kernel lets go of when it dies; a stack that was taken down is not brought back.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops.errors import MlopsError
from mlops.tools.process import activity
from mlops.tools.supervisor import Supervisor

KEEPER = "keeper"
"""Name of the program that supervisord runs to look after the others."""
WATCH_LOCK = "watch.lock"
_PAUSE = 1.0
_MISSES = 4
"""How many questions in a row supervisord leaves without an answer before it is replaced; its keeper does so sooner."""
_PATIENCE = 2.0


def is_watched(folder: Path) -> bool:
    """Say whether the process runs."""
    try:
        with (folder / WATCH_LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def watch_pid(folder: Path) -> int | None:
    try:
        return int((folder / WATCH_LOCK).read_text())
    except (OSError, ValueError):
        return None


def watch_command(folder: Path, sockets: Path) -> list[str]:
    """Return the command, which does not name the folder as those of the stack's own programs do: it outlives supervisord."""
    return [sys.executable, "-m", "mlops.targets.local.watch", str(folder), str(sockets)]


def end_watch(folder: Path) -> None:
    """End the process; idempotent."""
    pid = watch_pid(folder)
    if pid is not None and is_watched(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def service_unit(folder: Path, sockets: Path) -> str:
    """Return the unit of systemd that starts the stack with the machine, and keeps it alive."""
    command = " ".join(shlex.quote(word).replace("%", "%%") for word in watch_command(folder, sockets))
    return f"""\
[Unit]
Description=mlops stack {folder.name}
After=network.target

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=1
# What it started goes on when it ends: `mlops destroy` ends the stack.
KillMode=process

[Install]
WantedBy=default.target
"""


class StackWatch:
    """`folder`: of the stack."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.folder = folder
        self.supervisor = Supervisor(folder, sockets / "supervisor.sock", timeout=_PATIENCE)
        self._silent = 0
        self._stopped = 0

    def look(self) -> bool:
        """Put right what is wrong with supervisord and its keeper, and say whether there still is a stack to look after."""
        if not (self.folder / "supervisord.conf").exists():
            return False
        if not self.supervisor.is_up():
            self._silent += 1
            if self._silent >= _MISSES:
                self._silent = 0
                self.supervisor.start()
            return True
        self._silent = 0
        with contextlib.suppress(TimeoutError):
            self._look_at_keeper()
        return True

    def _look_at_keeper(self) -> None:
        keeper = self.supervisor.states(timeout=_PATIENCE).get(KEEPER)
        if keeper is None:
            return
        if keeper.name in ("FATAL", "EXITED", "STOPPED"):
            self.supervisor.start_again(KEEPER)
            return
        seen = activity(keeper.pid) if keeper.pid else None
        self._stopped = self._stopped + 1 if seen is not None and seen.is_stopped else 0
        if self._stopped >= _MISSES:
            self._stopped = 0
            with contextlib.suppress(ProcessLookupError):
                os.kill(keeper.pid, signal.SIGKILL)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process watches the stack."""
    with (folder / WATCH_LOCK).open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def main() -> None:
    folder, sockets = Path(sys.argv[1]), Path(sys.argv[2])
    if not folder.is_dir():
        sys.exit(0)
    with _alone(folder):
        watch = StackWatch(folder, sockets)
        while True:
            try:
                if not watch.look():
                    return
            except (MlopsError, OSError) as error:
                sys.stderr.write(f"not now: {error}\n")
            time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
