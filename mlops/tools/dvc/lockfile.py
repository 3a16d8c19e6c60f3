"""Write dvc.lock.

Lives here: LockFile, its entries as DVC writes them, the journal of finished stages, and DVC's own lock around writes.
Not here: what an entry says (execute), reading for plans (reader).
Law: the file is replaced as a whole; a stage that was finished is in the file or in the journal, whatever dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.tools.dvc import yaml12
from mlops.tools.dvc.reader import read_yaml
from mlops.tools.dvc.remade import with_remade

LockEntry = dict[str, Any]
_PATIENCE = 60.0
_threads = threading.RLock()


class LockFile:
    def __init__(self, root: Path) -> None:
        self.path = root / "dvc.lock"
        self.tmp = root / ".dvc" / "tmp"
        self.journal = self.tmp / "mlops-finished.jsonl"
        self._texts: dict[str, tuple[LockEntry, str]] = {}

    def entries(self) -> dict[str, LockEntry]:
        """Return what counts on this machine: the entries of the file, or what was remade here of them, and those of the
        journal, which are newer. Raises InvalidConfig for a damaged file."""
        return {**with_remade(self.path.parent, self._written()), **self.finished()}

    def pinned(self) -> dict[str, LockEntry]:
        """Return the entries of the file, and those of the journal. Raises InvalidConfig for a damaged file."""
        return {**self._written(), **self.finished()}

    def _written(self) -> dict[str, LockEntry]:
        return dict(read_yaml(self.path).get("stages") or {}) if self.path.exists() else {}

    def finish(self, name: str, entry: LockEntry) -> None:
        """Write the entry into the journal; it is on the disk when this returns."""
        with _threads:
            self.tmp.mkdir(parents=True, exist_ok=True)
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"name": name, "entry": entry}) + "\n")
                file.flush()
                os.fsync(file.fileno())

    def merge(self, order: Sequence[str]) -> None:
        """Put the journal into the file. `order`: the stages of dvc.yaml; others keep their place behind them."""
        with _threads:
            if not self.journal.exists():
                return
            with repository_lock(self.tmp):
                self._write(self.pinned(), order)
                self.journal.unlink(missing_ok=True)

    def finished(self) -> dict[str, LockEntry]:
        """Return the entries of the journal."""
        entries: dict[str, LockEntry] = {}
        try:
            lines = self.journal.read_text().splitlines()
        except OSError:
            return entries
        for line in lines:
            try:
                one = json.loads(line)
                entries[one["name"]] = one["entry"]
            except (ValueError, KeyError, TypeError):
                continue
        return entries

    def _write(self, entries: Mapping[str, LockEntry], order: Sequence[str]) -> None:
        names = [name for name in order if name in entries]
        names += [name for name in entries if name not in set(order)]
        text = "schema: '2.0'\nstages:\n" + "".join(self._text(name, entries[name]) for name in names)
        temporary = self.path.with_name(".dvc.lock.part")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)

    def _text(self, name: str, entry: LockEntry) -> str:
        known = self._texts.get(name)
        if known is None or known[0] != entry:
            whole = yaml12.dumps({"stages": {name: entry}})
            known = self._texts[name] = (entry, whole.partition("\n")[2])
        return known[1]


@contextmanager
def repository_lock(tmp: Path) -> Iterator[None]:
    """Hold DVC's own lock, as its commands do. Raises MlopsError where one of them keeps it for a minute."""
    tmp.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + _PATIENCE
    with (tmp / "lock").open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    raise MlopsError.of(
                        "DVC is busy",
                        f"Another DVC command has held {tmp / 'lock'} for a minute. Wait until it ends, and run the same "
                        "command again.",
                    ) from None
                time.sleep(0.05)
        file.seek(0)
        file.truncate()
        file.write(f" {os.getpid()}\n")
        file.flush()
        yield
