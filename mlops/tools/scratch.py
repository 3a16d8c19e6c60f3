"""Lend a folder for a while.

Lives here: scratch.
Not here: what is put there.
Law: what a killed process left is swept by the next that borrows; afterwards not even the place of the folders stays.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlops.tools.process import alive


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Give a new folder inside `folder`, named after this process, and remove it afterwards."""
    _sweep(folder)
    with _new_folder(folder) as made:
        yield Path(made)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _sweep(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for left in folder.iterdir():
            pid = left.name.partition("-")[0]
            if not (pid.isdigit() and alive(int(pid))):
                shutil.rmtree(left, ignore_errors=True)


def _new_folder(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a folder, even where another process removes the parent folder at the same time."""
    while True:
        try:
            return tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=folder)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                folder.mkdir(parents=True, mode=0o700)
