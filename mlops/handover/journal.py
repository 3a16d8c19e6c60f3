"""Remember what was handed over.

Lives here: HandoverJournal: a folder for each occasion, with its task and how delivering it went.
Not here: delivering (deliver).
Law: a task is on the disk before anything is delivered; one that was delivered is never begun again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.handover import HandoverOutcome, HandoverTask
from mlops.tools.process import program_environment

TASK_FILE, DONE_FILE, FAILED_FILE = "task.json", "done.json", "failed.json"
_LOCK, _LOG = "lock", "deliver.log"
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 3600.0
"""Seconds until what failed is tried again: doubled each time, up to the second number."""


class HandoverJournal:
    """What one environment hands over, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def knows(self, key: str) -> bool:
        return (self._of(key) / TASK_FILE).exists()

    def put(self, task: HandoverTask) -> bool:
        """Keep a task, unless its key is known; return whether it is new."""
        if self.knows(task.handover.key):
            return False
        folder = self._of(task.handover.key)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / TASK_FILE, encode(task, indent=1))
        return True

    def waiting(self) -> list[Path]:
        """Return the folders of tasks that were not delivered, the oldest first."""
        folders = [
            path.parent for path in self._folder.glob(f"*/{TASK_FILE}") if not (path.parent / DONE_FILE).exists()
        ]
        return sorted(folders, key=lambda folder: (folder / TASK_FILE).stat().st_mtime)

    def due(self, now: float) -> list[Path]:
        """Return those that are to be tried now: never tried, or long enough ago, and by nobody at the moment."""
        return [folder for folder in self.waiting() if _is_due(folder, now) and not is_held(folder)]

    def deliver(self, folder: Path) -> HandoverOutcome | None:
        """Deliver a task by a process that lives on when this one ends; return how it went, None where it ended without a word."""
        with (folder / _LOG).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "mlops.handover.deliver", str(folder)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True, env=program_environment(),
            )  # fmt: skip
        process.wait()
        return read_outcome(folder / DONE_FILE) or read_outcome(folder / FAILED_FILE)

    def _of(self, key: str) -> Path:
        words = re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")[:60]
        return self._folder / f"{words}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def read_outcome(path: Path) -> HandoverOutcome | None:
    try:
        return decode(HandoverOutcome, path.read_bytes())
    except (OSError, ContractError):
        return None


def read_task(folder: Path) -> HandoverTask:
    """Raises ContractError or OSError."""
    return decode(HandoverTask, (folder / TASK_FILE).read_bytes())


def write_whole(path: Path, text: str) -> None:
    """Replace a file by one that is on the disk as a whole."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold the lock in a folder, which ends with this process however that ends; yield whether it was free."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def is_held(folder: Path) -> bool:
    """Say whether a process holds the lock in a folder."""
    with held(folder) as is_free:
        return not is_free


def _is_due(folder: Path, now: float) -> bool:
    failed = read_outcome(folder / FAILED_FILE)
    if failed is None:
        return True
    wait = min(_FIRST_WAIT * 2 ** min(failed.tries - 1, 20), _LONGEST_WAIT)
    return not 0 <= now - failed.at < wait
