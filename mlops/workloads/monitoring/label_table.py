"""Take late labels from a source of the project.

Lives here: LabelTable, which asks a process for them.
Not here: reading the source (workloads.table_labels), joining labels with predictions (labels).
Law: a source that cannot be read is said in the status, and stops nothing; a label that is read again changes nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from mlops.contracts.codec import encode
from mlops.contracts.watcher import LabelSource, TableLabelsRequest
from mlops.workloads.monitoring.labels import Labels

_LEAST_SECONDS = 60.0
_MOST_SECONDS = 3600.0
_PROGRAM = "mlops.workloads.table_labels"


class LabelTable:
    """`folder`: of labels.sqlite. The working folder is the project."""

    def __init__(self, source: LabelSource, labels: Labels, folder: Path) -> None:
        self._source, self._labels, self._folder = source, labels, folder
        self._last = float("-inf")
        self.problem: str | None = None
        """Why the source could not be read the last time."""

    def read(self, at: float) -> None:
        """Read the labels of all that was predicted, at most once a minute. `at`: Unix seconds of the log."""
        if at - self._last < _LEAST_SECONDS:
            return
        self._last = at
        self._labels.store.commit()
        source = self._source
        request = TableLabelsRequest(
            source=source.source, id=source.id, value=source.value, row=source.row,
            store=str((self._folder / "labels.sqlite").absolute()),
        )  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="labels-", dir=self._folder) as folder:
            asked, answered = Path(folder) / "request.json", Path(folder) / "labels.jsonl"
            asked.write_text(encode(request))
            try:
                subprocess.run(
                    [sys.executable, "-m", _PROGRAM, str(asked), str(answered)], check=True, capture_output=True, text=True,
                    timeout=_MOST_SECONDS,
                )  # fmt: skip
            except subprocess.CalledProcessError as error:
                self.problem = (error.stderr.strip().splitlines() or ["its process was ended"])[-1]
                return
            except subprocess.TimeoutExpired:
                self.problem = f"it was not read within {_MOST_SECONDS:g} seconds"
                return
            self.problem = None
            with answered.open(encoding="utf-8") as file:
                for line in file:
                    found = json.loads(line)
                    if "problem" in found:
                        self._labels.store.refused(found["id"], None, found["problem"], at)
                    else:
                        self._labels.add(found, at=at)
