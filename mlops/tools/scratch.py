"""Lend a folder for a while.

Lives here: scratch.
Not here: what is put there.
Law: inside the project, so that a killed process leaves nothing elsewhere; what the dead left is swept by the next.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlops.tools.process import alive

FOLDER = ".mlops/tmp"


@contextlib.contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A new folder below `root`/.mlops/tmp, named from this process; gone afterwards."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        pid = left.name.partition("-")[0]
        if not (pid.isdigit() and alive(int(pid))):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=folder) as made:
        yield Path(made)
