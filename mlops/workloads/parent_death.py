"""End with the parent.

Lives here: die_with_parent, and a program that does so on behalf of one that cannot: python parent_death.py COMMAND…
Not here: starting processes.
Law: a process whose parent is killed, however hard, does not live on alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1


def die_with_parent(sign: int = signal.SIGTERM) -> None:
    """Ask Linux to send this process a signal when its parent ends; elsewhere, do nothing.

    Ends the process at once where the parent is gone already.
    """
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, int(sign), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(143)


if __name__ == "__main__":
    die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
