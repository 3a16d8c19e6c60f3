"""Keep the files of the prediction log.

Lives here: Segment, one file while it is written; remove_old; cut_entry, a line for a request that is too large.
Not here: what is written when (log), reading it (prediction_log).
Law: a segment holds whole lines, and a line that reached no disk is counted; a folder that was taken away is made anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

_HEAD = 1024
"""Bytes that are kept of a request that is too large."""


class Segment:
    """A file that is open for lines. `lost`: how many of those that it was given are not on the disk, nor will be."""

    def __init__(self, name: Path) -> None:
        """Raises OSError."""
        name.parent.mkdir(parents=True, exist_ok=True)
        self._open, self._finished = name.with_suffix(".open"), name.with_suffix(".jsonl")
        self._file = os.open(self._open, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._size = self._lines = self.lost = 0

    def write(self, block: bytes) -> None:
        """Write lines, to the disk. Raises OSError; then none of them is in the file."""
        lines = block.count(b"\n")
        if not self._is_there():
            self.lost += self._lines + lines
            self._lines = 0
            raise FileNotFoundError(f"{self._open} was taken away")
        try:
            rest = memoryview(block)
            while rest:  # a disk that is nearly full takes a part
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError:
            self.lost += lines
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(block)
        self._lines += lines

    def _is_there(self) -> bool:
        try:
            return self._open.stat().st_ino == os.fstat(self._file).st_ino
        except OSError:
            return False

    def close(self) -> None:
        """Finish the file. Raises OSError."""
        os.close(self._file)
        if self._lines:
            self._open.rename(self._finished)
        else:
            self._open.unlink(missing_ok=True)


def remove_old(folder: Path, keep: float, size: int) -> None:
    """Remove segments that are older than `keep` seconds, and the oldest ones of what is beyond `size` bytes, whichever replica
    wrote them."""
    found = []
    for path in folder.glob("*.jsonl"):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    oldest, total = time.time() - keep, 0
    for at, bytes_, path in sorted(found, reverse=True):
        total += bytes_
        if at < oldest or total > size:
            with contextlib.suppress(OSError):
                path.unlink()


def cut_entry(body: bytes) -> bytes:
    """Return what is kept of a request that is too large, as the fields of its line: how many bytes it had, and the first ones as
    text. There are no rows to read in it, and none for a monitor."""
    head = json.dumps(body[:_HEAD].decode(errors="replace"), ensure_ascii=False).encode()
    return b'"q":null,"a":null,"cut":%d,"head":%b' % (len(body), head)
