"""Keep trials in a file that outlives their processes.

Lives here: TrialFile, what Optuna writes its log of trials to.
Not here: what stands in the log (Optuna), choosing trials (study).
Law: a line is there whole or not at all, and a lock ends with the process that holds it, however hard that is killed.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend


class TrialFile(BaseJournalBackend):
    """One line of JSON for each thing that happened to a study; several processes write to it. Optuna's own file has a lock that
    a killed process leaves behind, and cannot be read any more after half a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._starts = [0]
        path.touch()

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        first = min(log_number_from, len(self._starts) - 1)
        with self._path.open("rb") as file:
            file.seek(self._starts[first])
            for number, line in enumerate(file, start=first):
                if not line.endswith(b"\n"):
                    return
                if number + 1 == len(self._starts):
                    self._starts.append(self._starts[number] + len(line))
                if number >= log_number_from:
                    yield json.loads(line)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with locked(self._path), self._path.open("r+b") as file:
            file.seek(_whole(self._path))
            file.truncate()
            file.write(lines.encode())


def _whole(path: Path) -> int:
    """Return how many bytes of a file are whole lines."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1))
        if size == 0 or file.read(1) == b"\n":
            return size
        file.seek(0)
        return file.read().rfind(b"\n") + 1


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is one beside it."""
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
