"""Keep how far a pod came where the next pod finds it.

Lives here: KeptFile, the checkpoint of a training or the ledger of a search, which is copied to the DVC remote and back.
Not here: what is in it (training.families.checkpoint, tuning.ledger), the stages that write it.
Law: it is a help and no output: where it cannot be copied, the stage goes on, and the next pod begins anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.workloads.stage import say

_EVERY = 60.0
"""Seconds between two looks at the file."""


@dataclass
class KeptFile:
    """`root`: the working directory, with DVC's configuration. `what`: checkpoint or ledger. `file`: relative to the
    directory. `every`: seconds between two looks at it."""

    root: Path
    model: str
    what: str
    file: str
    every: float = _EVERY
    copied: int = 0

    @property
    def path(self) -> Path:
        return self.root / self.file

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Take what an earlier pod left, and give away what is written while inside, at the end of an interrupted stage
        too. After one that ended well nothing is left."""
        self._try(self.get)
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(over,), daemon=True)
        watch.start()
        ended_well = False
        try:
            yield
            ended_well = True
        finally:
            over.set()
            watch.join(_EVERY)
            self._try(self.put if self.path.exists() and not ended_well else self.remove)

    def get(self) -> None:
        files, place = self._place()
        if files.exists(place):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.get_file(place, str(self.path))
            self.copied = self.path.stat().st_mtime_ns
            say(f"an earlier pod left a {self.what}")

    def put(self) -> None:
        changed = self.path.stat().st_mtime_ns
        if changed != self.copied:
            files, place = self._place()
            files.makedirs(files.parent(place), exist_ok=True)
            files.put_file(str(self.path), place)
            self.copied = changed

    def remove(self) -> None:
        files, place = self._place()
        if self.copied and files.exists(place):
            files.remove(place)

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(self.every):
            if self.path.exists():
                self._try(self.put)

    def _try(self, work: Any) -> None:
        try:
            work()
        except Exception as error:
            say(f"the {self.what} could not be copied: {error}")

    def _place(self) -> tuple[Any, str]:
        """Return the file system of the remote, and the path in it; another one for other parameters."""
        os.environ.setdefault(
            "DVC_SITE_CACHE_DIR", str(self.root / ".dvc" / "tmp" / "site")
        )  # a pod's root is read-only
        from dvc.repo import Repo  # type: ignore[import-untyped]

        with Repo(str(self.root)) as repo:
            remote = repo.cloud.get_remote()
            params = (self.root / "params" / "model" / f"{self.model}.json").read_bytes()
            digest = hashlib.sha256(params).hexdigest()[:16]
            return remote.fs, remote.fs.join(remote.path, f"{self.what}s", f"{self.model}-{digest}")
