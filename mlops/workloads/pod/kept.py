"""Keep the checkpoint of a training where the next pod finds it.

Lives here: KeptCheckpoint, which copies it to the DVC remote and back.
Not here: what is in it (training.families.checkpoint), the stage that writes it (training).
Law: a checkpoint is a help and no output: where it cannot be copied, training goes on, and the next pod begins anew.
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
class KeptCheckpoint:
    """Is the checkpoint of one model. `root`: the working directory, with DVC's configuration."""

    root: Path
    model: str
    copied: int = 0

    @property
    def path(self) -> Path:
        return self.root / ".mlops" / "checkpoints" / self.model

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Take what an earlier pod left, and give away what is written while inside, at the end of an interrupted training
        too. After a training that ended well nothing is left."""
        self._try(self.get)
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(over,), daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join(_EVERY)
            self._try(self.put if self.path.exists() else self.remove)

    def get(self) -> None:
        files, place = self._place()
        if files.exists(place):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.get_file(place, str(self.path))
            self.copied = self.path.stat().st_mtime_ns
            say("an earlier pod left a checkpoint")

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
        while not over.wait(_EVERY):
            if self.path.exists():
                self._try(self.put)

    def _try(self, work: Any) -> None:
        try:
            work()
        except Exception as error:
            say(f"the checkpoint could not be copied: {error}")

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
            return remote.fs, remote.fs.join(remote.path, "checkpoints", f"{self.model}-{digest}")
