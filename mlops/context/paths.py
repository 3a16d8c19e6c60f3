"""Name the folders and files of a project on this machine.

Lives here: find_root, and ProjectPaths, the paths below .mlops/ and the two in the temporary directory.
Not here: what stands in them (whoever writes it).
Law: a path follows from the project's root and the environment alone; nothing is made by asking for it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


def find_root(start: Path) -> Path:
    """Return the nearest folder, from `start` upwards, that has conf/project.yaml; `start` where none has."""
    return next((p for p in (start, *start.parents) if (p / "conf" / "project.yaml").is_file()), start)


@dataclass(frozen=True)
class ProjectPaths:
    """Where one environment of a project keeps its files on this machine. `root`: the project's folder."""

    root: Path
    environment: str

    @property
    def home(self) -> Path:
        return self.root / ".mlops"

    @property
    def bentos(self) -> Path:
        return self.home / "bentos"

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def proposals(self) -> Path:
        return self.home / "proposals"

    def run(self, stack: str) -> Path:
        return self.home / "run" / self.environment / stack

    def sockets(self, stack: str) -> Path:
        """Lies in the temporary directory, because the path of a Unix socket has at most 107 characters."""
        digest = hashlib.sha256(str(self.run(stack).absolute()).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"mlops-{digest}"

    @property
    def building(self) -> Path:
        """Lies in the temporary directory, because BentoML builds nothing below a hidden folder."""
        return Path(tempfile.gettempdir()) / f"mlops-build-{os.getuid()}"

    @property
    def runs(self) -> Path:
        """Holds a folder for each training of a model on this machine, named by the digest of what it made."""
        return self.home / "runs"

    def live_run(self, model: str) -> Path:
        """Holds what the model's newest training on this machine writes while it goes on."""
        return self.runs / "live" / model

    def search_log(self, model: str) -> Path:
        """Holds a line for each trial of the model's newest search on this machine."""
        return self.home / "tuning" / model / "tuning.log"

    def training_log(self, model: str) -> Path:
        """Holds the log of the model's newest run on a cluster."""
        return self.home / "run" / self.environment / "training" / f"{model}.log"

    def monitor(self, name: str) -> Path:
        return self.home / "run" / self.environment / "monitors" / name

    @property
    def watch(self) -> Path:
        """Holds what `mlops watch` has handed over from this machine."""
        return self.home / "run" / self.environment / "watch"

    def batch(self, name: str) -> Path:
        """Holds the configuration and the log of a batch on this machine."""
        return self.home / "run" / self.environment / "batches" / name
