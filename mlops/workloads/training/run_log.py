"""Write down a training while it goes on.

Lives here: RunLog: lines for people, values as DVCLive and TensorBoard keep them, and how long it took.
Not here: what is measured (the families), showing the lines (`mlops logs`).
Law: nothing here is an output of a stage: it holds times, and is kept beside the outputs by their digest, in .mlops/runs/.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mlops.workloads.stage import say, write_json
from mlops.workloads.training.event_file import EventFile

LIVE = "live"
RUNS = ".mlops/runs"
LINES, TIMING = "training.log", "timing.json"
CANDIDATE_SECONDS = "candidates.json"
"""How many seconds each candidate of `architecture: auto` took, None where the budget cut it off."""
_PAUSE = 5.0
"""Seconds between two lines within an epoch, where nobody says how many steps lie between them."""


class RunLog:
    """The folder of one run. `folder`: None where nobody wants to read it; then it only reports progress."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._started = self._spoken = time.monotonic()
        self._events: EventFile | None = None

    @classmethod
    def begin(cls, runs: Path, name: str, *, goes_on: bool = False) -> RunLog:
        """Make the folder of a run of this model. `runs`: the folder of all runs. `goes_on`: the run was killed, and its lines
        are kept."""
        folder = runs / LIVE / name
        if not goes_on:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder)
        if goes_on:
            with suppress(OSError, ValueError, KeyError):
                made._started -= float(json.loads((folder / TIMING).read_text())["seconds"])
            made.write_line("training goes on where it was killed")
        return made

    @property
    def folder(self) -> Path | None:
        return self._folder

    def is_due(self, step: int, every: int | None) -> bool:
        """Say whether it is time for a line within the epoch. `every`: steps between two lines; None: some seconds."""
        if every is not None:
            return step % every == 0
        return time.monotonic() - self._spoken >= _PAUSE

    def write_step(self, step: int, values: Mapping[str, float], line: str) -> None:
        """Write the values of a step. `step`: counted over all epochs, from 1."""
        self.write_line(line)
        self._write_events(step, {f"step/{name}": value for name, value in values.items()})

    def say(self, line: str, fraction: float) -> None:
        """Report progress, and write nothing down."""
        say(line, fraction)

    def note(self, at: int, measured: Mapping[str, float]) -> None:
        """Take what a family that has no epochs measured on its way. `at`: counted from 1. Nothing is written down; a search
        ends a trial here that promises little."""

    def write_epoch(
        self, history: Sequence[Mapping[str, float]], line: str, fraction: float, *, step: int | None = None
    ) -> None:
        """Write the values of the last epoch, and report progress. `history`: of each epoch so far."""
        say(line, fraction)
        self.write_line(line)
        if self._folder is None:
            return
        measured = [name for name in history[-1] if name != "epoch"]
        for name in measured:
            rows = [(index, row[name]) for index, row in enumerate(history) if name in row]
            _write_plot(self._folder / "plots/metrics" / f"{_path(name)}.tsv", rows)
        values = {_path(name): history[-1][name] for name in measured}
        nested: dict[str, object] = {"step": len(history) - 1}
        for name, value in values.items():
            split, _, metric = name.partition("/")
            branch = nested.setdefault(split, {}) if metric else nested
            if isinstance(branch, dict) and math.isfinite(value):
                branch[metric or split] = value
        write_json(self._folder / "metrics.json", nested)
        self._write_events(step or len(history), values)
        self._write_timing()

    def finish(self, outputs: Path) -> None:
        """Keep the run under the digest of what it made. `outputs`: the folder that DVC tracks."""
        if self._folder is None:
            return
        self._write_timing()
        kept = self._folder.parents[1] / folder_digest(outputs)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self._folder, kept)

    def write_line(self, line: str) -> None:
        """Write a line for people, with its time."""
        self._spoken = time.monotonic()
        if self._folder is not None:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            with (self._folder / LINES).open("a", encoding="utf-8") as file:
                file.write(f"{now} {line}\n")

    def _write_timing(self) -> None:
        if self._folder is not None:
            write_json(self._folder / TIMING, {"seconds": round(time.monotonic() - self._started, 3)})

    def _write_events(self, step: int, values: Mapping[str, float]) -> None:
        if self._folder is None:
            return
        if self._events is None:
            self._events = EventFile.create(self._folder)
        self._events.write(step, values)


def folder_digest(folder: Path) -> str:
    """Return the digest that DVC knows a folder by, without its ending `.dir`: the md5 of its list of files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = [
        {"md5": hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(), "relpath": path.relative_to(folder).as_posix()}
        for path in files
    ]  # fmt: skip
    listing.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def _path(name: str) -> str:
    """Return `val/auc` for `val_auc`, as DVCLive names the metrics of a split."""
    return name.replace("_", "/", 1)


def _write_plot(path: Path, rows: Sequence[tuple[int, float]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        path.write_text(f"step\t{path.stem}\n" + "".join(f"{step}\t{value}\n" for step, value in rows))
