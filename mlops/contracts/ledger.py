"""Read and extend the ledger of a folder of scored intervals.

Lives here: read_ledger and append_line.
Not here: what a line says (scoring), what is due (intervals), the ledger of a database table (workloads.scoring.table_output).
Law: lines are only appended, each on the disk before the call returns; a line that was cut off by a crash counts as none.
"""

from __future__ import annotations

import os
from pathlib import Path

from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.intervals import latest
from mlops.contracts.scoring import LEDGER, LedgerLine


def read_ledger(folder: Path) -> dict[str, LedgerLine]:
    """Return the last line of each interval; empty where nothing was scored. Raises OSError."""
    try:
        content = (folder / LEDGER).read_bytes()
    except FileNotFoundError:
        return {}
    lines = []
    for text in content.splitlines():
        try:
            lines.append(decode(LedgerLine, text))
        except ContractError:
            continue
    return latest(lines)


def append_line(folder: Path, line: LedgerLine) -> None:
    """Add a line. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LEDGER).open("a+b") as file:
        # What a crash cut off ends here, so that it spoils no line but its own.
        if file.seek(0, os.SEEK_END) and not _ends_line(file.fileno(), file.tell()):
            file.write(b"\n")
        file.write(encode(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _ends_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"
