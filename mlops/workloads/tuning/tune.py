"""Search for the values of a model.

Lives here: tune, the whole of the stage.
Not here: workers (work), one trial (trial), choosing it (study), the ledger (ledger).
Law: a trial that ended is never lost and never run again; Ctrl-C ends the search with the best so far recorded.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.contracts.pod import SEARCH_PORT
from mlops.workloads.stage import failed, say, write_json
from mlops.workloads.tuning.earlier import Earlier
from mlops.workloads.tuning.joined import work_with_others
from mlops.workloads.tuning.ledger import best_of, history_of
from mlops.workloads.tuning.search import Search
from mlops.workloads.tuning.source import StudySource
from mlops.workloads.tuning.study import CHOSEN_VALUES, REASON, begin_study, finished
from mlops.workloads.tuning.work import LOG, work, work_side_by_side

CHOSEN = "chosen.json"
_EACH = 1.0
"""Seconds between two writings of the ledger while the search goes on."""


def tune(name: str, *, root: Path = Path()) -> None:
    """Write tuning/model/NAME.json, models/NAME/tune/ and plots/tuning/NAME/. Raises MlopsError where no trial succeeded, and where a person
    interrupted the search."""
    search = Search.of(name, root)
    earlier = Earlier.read(search.ledger_file, search.tune, search.question, search.asked)
    if earlier.chosen is not None:
        say("taken from the ledger: this search has ended", 1.0)
        _write_outputs(search, earlier.chosen, earlier.content)
        return
    _clear(search, search.file.name)
    begin_study(search.file, search.tune, search.directions, earlier.trials)
    (search.folder / LOG).write_text("")
    record = _Record(search, earlier)
    try:
        if port := os.environ.get(SEARCH_PORT):
            ended = work_with_others(search, earlier.first, record, int(port))
        elif search.tune.parallel == 1:
            ended = work(search, StudySource(search, earlier.first), record)
        else:
            ended = work_side_by_side(search, earlier.first, record)
    except (KeyboardInterrupt, SystemExit):  # Lightning answers Ctrl-C by SystemExit
        record.write("interrupted")
        raise _interrupted(search) from None
    trials = finished(search.study())
    best = best_of(trials, search.objectives)
    if best is None:
        record.write(ended)
        reasons = sorted({str(trial.user_attrs.get(REASON, "it is beyond the limits")) for trial in trials})
        raise failed("no trial succeeded", f"Each of {len(trials)} trials failed: {'; '.join(reasons[:3])}.")
    content = record.write(ended)
    _write_outputs(search, best.user_attrs[CHOSEN_VALUES], content)
    _clear(search)


class _Record:
    """Keeps the ledger up to date while the search goes on."""

    def __init__(self, search: Search, earlier: Earlier) -> None:
        self._search, self._first = search, list(earlier.first)
        self._count, self._at = 0, time.monotonic()

    def __call__(self) -> None:
        """Write the ledger where some time went by."""
        if time.monotonic() - self._at >= _EACH:
            self.write(None)

    def write(self, ended: str | None) -> Mapping[str, Any]:
        """Return what was written."""
        self._at = time.monotonic()
        path = self._search.ledger_file
        content = self._search.ledger(self._first).of(finished(self._search.study()), ended)
        part = path.with_name(f".{path.name}.part")
        write_json(part, content)
        os.replace(part, path)
        return content


def _interrupted(search: Search) -> Exception:
    line, _ = search.so_far(search.study())
    count = len(finished(search.study()))
    keep = f", or say `trials: {count}` to keep the best so far" if count else ""
    return failed(
        "search was interrupted",
        f"It ended after {line}; tuning/model/{search.name}.json records what was found. Run the same command to go on{keep}.",
        address=f"model.{search.name}",
    )


def _write_outputs(search: Search, chosen: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """Write the chosen values and, for `dvc plots`, how the search went. `content`: of the ledger."""
    out, plots = search.root / "models" / search.name / "tune", search.root / "plots" / "tuning" / search.name
    for folder in (out, plots):
        shutil.rmtree(folder, ignore_errors=True)
    write_json(out / CHOSEN, chosen)
    rows = history_of(content)
    write_json(plots / "trials.json", [{"trial": row["trial"], "value": row["value"]} for row in rows])
    write_json(plots / "best_so_far.json", [{"trial": row["trial"], "best": row["best"]} for row in rows])


def _clear(search: Search, kept: str = "") -> None:
    """Remove the trials of searches that nobody goes on with. `kept`: the file of one that goes on."""
    search.folder.mkdir(parents=True, exist_ok=True)
    for path in search.folder.iterdir():
        if path.name not in (kept, LOG):
            path.unlink(missing_ok=True)
