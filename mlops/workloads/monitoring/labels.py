"""Measure with late labels.

Lives here: Labels, which types feedback, joins it with predictions and measures.
Not here: keeping both (label_store), comparing columns (drift), which metrics tell that a model became worse (metrics).
Law: a metric is given with the number of labelled rows it stands on, and not at all below a few hundred. A label that
does not fit is set aside with a sentence, and stops nothing.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mlops.contracts.watcher import LABELS_KEEP, LabelCounts
from mlops.metrics.metric import MEASURED_SPLITS
from mlops.metrics.table import drift_metrics_of
from mlops.metrics.task import Task
from mlops.workloads.label_values import LabelError, LabelValues, request_id
from mlops.workloads.monitoring.label_store import LabelStore
from mlops.workloads.monitoring.pairs import arrays_of

FEWEST = 200
"""Labelled rows below which nothing is measured."""
LIVE_ROWS = 5_000
"""Labelled rows of the live metrics: the last ones."""
_COMMIT_EVERY = 50_000
_BEFORE = "labels.json"


class Labels:
    """Joins late labels with what was predicted. `folder`: where both are kept, in labels.sqlite, for `keep` seconds."""

    def __init__(self, contract: dict[str, Any], folder: Path, *, keep: float = LABELS_KEEP, model: str = "") -> None:
        self._contract = contract
        self._task = Task(contract["task"])
        self._values = LabelValues(contract)
        self._keep = keep
        self._uncommitted = 0
        self.store = LabelStore(folder / "labels.sqlite", model)
        self._take_over(folder / _BEFORE)

    def _take_over(self, path: Path) -> None:
        """Bring in the pairs that a version before this one kept, without ids; the file is gone afterwards."""
        try:
            pairs = json.loads(path.read_text())
            at = path.stat().st_mtime
        except (OSError, ValueError):
            return
        for index, pair in enumerate(pairs if isinstance(pairs, list) else []):
            if isinstance(pair, list) and len(pair) == 2:
                self.predicted(f"{_BEFORE}#{index}", [pair[0]], at=at)
                self.add({"id": f"{_BEFORE}#{index}", "label": pair[1]}, at=at)
        self.store.commit()
        path.unlink(missing_ok=True)

    def predicted(
        self, request_id: str, values: list[Any], *, at: float = 0.0, slices: list[Any] | None = None
    ) -> None:
        """Keep what was predicted. `at`: Unix seconds of its line in the log. `slices`: see LabelStore."""
        if request_id and values:
            self.store.predicted(request_id, values, at, slices)
            self._count()

    def add(self, feedback: dict[str, Any], *, at: float = 0.0) -> None:
        """Keep a late label, whether its prediction is known yet or not; set it aside where it does not fit."""
        name, given = feedback.get("id"), feedback.get("label")
        try:
            self.store.labelled(request_id(name), self._values.read(given), at)
        except LabelError as error:
            shown = name if isinstance(name, str) and _is_text(name) else json.dumps(name)
            self.store.refused(shown, given, str(error), at)
        self._count()

    def _count(self) -> None:
        self._uncommitted += 1
        if self._uncommitted >= _COMMIT_EVERY:
            self.store.commit()
            self._uncommitted = 0

    def settle(self, now: float) -> LabelCounts:
        """Make all that was given durable, forget what is too old, and return where the labels stand."""
        self.store.commit()
        self._uncommitted = 0
        self.store.expire(now, self._keep)
        return self.store.counts()

    def measure(self) -> dict[str, float]:
        """Return {"rows": n} and, from enough rows, the metrics by which a model of the task becomes worse."""
        self.store.commit()
        return self.measured(self.store.recent(LIVE_ROWS))

    def measured(self, pairs: list[tuple[Any, Any]]) -> dict[str, float]:
        """Return the same of some pairs."""
        live: dict[str, float] = {"rows": float(len(pairs))}
        if len(pairs) < FEWEST:
            return live
        from mlops.workloads.metrics.measure import compute

        truth, predicted = arrays_of(self._contract, pairs)
        for metric in drift_metrics_of(self._task) if len(truth) else ():
            value = compute(metric, truth, predicted)
            if math.isfinite(value):
                live[metric.name] = value
        return {name: round(value, 4) for name, value in live.items()}

    def worse(self, live: dict[str, float], training: dict[str, Any]) -> str | None:
        """Return the metric that is worse than at training by more than chance and habit allow."""
        for metric in drift_metrics_of(self._task):
            before = training.get(f"{MEASURED_SPLITS[0]}_{metric.name}")
            now = live.get(metric.name)
            if now is not None and before is not None and metric.is_worse(self._task, before=before, now=now):
                return metric.name
        return None


def _is_text(name: str) -> bool:
    """Whether an id can be shown as it is: without halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in name)
