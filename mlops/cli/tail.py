"""Read the end of a log.

Lives here: tail_file and follow_files, which outlive a rotation.
Not here: which logs there are (api).
Law: a log of any size costs the memory of what is shown.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path


def tail_file(path: Path, lines: int) -> list[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, lines)]


def follow_files(paths: Sequence[Path], say: Callable[[str], None], *, every: float = 0.3) -> None:
    """Report new lines until interrupted. A file that shrank was rotated and is read from its start."""
    at = {path: path.stat().st_size for path in paths}
    while True:
        for path in paths:
            size = path.stat().st_size if path.exists() else 0
            if size < at[path]:
                at[path] = 0
            if size > at[path]:
                with path.open("rb") as file:
                    file.seek(at[path])
                    content = file.read()
                at[path] += len(content)
                for line in content.decode("utf-8", "replace").splitlines():
                    say(f"{path.stem} | {line}" if len(paths) > 1 else line)
        time.sleep(every)
