"""Let a killed training go on.

Lives here: Checkpoint.
Not here: what a family keeps in it (the families).
Law: what was kept of a training with other parameters, code or data is never read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_LENGTH = 32


class Checkpoint:
    """`path`: a file that outlives the process. `identify`: gives what tells this training from another; called once, when
    the checkpoint is read or written for the first time."""

    def __init__(self, path: Path, identify: Callable[[], bytes]) -> None:
        self._path = path
        self._identify = identify
        self._identity: bytes | None = None

    def read(self) -> bytes | None:
        """Return what was written last by this training; None where it begins anew."""
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        return content[_LENGTH:] if content[:_LENGTH] == self._key() else None

    def write(self, state: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".part")
        temporary.write_bytes(self._key() + state)
        temporary.replace(self._path)

    def clear(self) -> None:
        with suppress(OSError):
            self._path.unlink()

    def _key(self) -> bytes:
        if self._identity is None:
            self._identity = hashlib.sha256(self._identify()).digest()
        return self._identity
