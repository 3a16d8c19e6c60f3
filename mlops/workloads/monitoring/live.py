"""Follow how a model does by its late labels.

Lives here: LiveModel: live metrics in windows, with intervals and by slice; whether the model became worse; whether the labels did
change.
Not here: keeping labels (labels, label_store), the tests (concept, verdict), findings (findings).
Law: a labelled row is in one window, however often the log is read; a metric is never given without the rows it stands on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.contracts.codec import decode, encode
from mlops.contracts.live import LiveReference, LiveWindow
from mlops.contracts.watcher import FindingColumn
from mlops.metrics.metric import MEASURED_SPLITS
from mlops.metrics.table import drift_metrics_of
from mlops.metrics.task import Task
from mlops.workloads.monitoring.column_test import ColumnTest
from mlops.workloads.monitoring.concept import MOST_STEPS, LabelledStep, worse_since
from mlops.workloads.monitoring.findings import iso
from mlops.workloads.monitoring.labels import FEWEST, LIVE_ROWS, Labels
from mlops.workloads.monitoring.live_reference import LABEL_CONTENT, label_column, label_kind, misses_in
from mlops.workloads.monitoring.pairs import RANKED, Pairs, arrays_of
from mlops.workloads.monitoring.tally import Tally
from mlops.workloads.monitoring.verdict import judge_window

_STEP_ROWS = 5_000
_SHOWN_WINDOWS = 20
_MOST_SLICES = 20


@dataclass(frozen=True)
class Judged:
    """What the labels that came last say. `is_new`: whether any step was made. `worse`: the metric that is worse; None where
    none is. `is_clean`: whether enough labels say that none is. `shifted`: tests of the labels that moved; None: none was made."""

    is_new: bool
    worse: FindingColumn | None = None
    is_clean: bool = False
    live: Mapping[str, float] | None = None
    shifted: tuple[ColumnTest, ...] | None = None
    alarm: int | None = None


class LiveModel:
    """`reference`: of the baseline. `training`: metrics of the model when it was trained. `rate`: of false alarms, per step."""

    def __init__(
        self,
        contract: dict[str, Any],
        labels: Labels,
        reference: LiveReference,
        training: Mapping[str, Any],
        *,
        rate: float,
    ) -> None:
        self._contract, self._labels, self._reference = contract, labels, reference
        self._training, self._rate = training, rate
        self._task = Task(contract["task"])

    def judge(self) -> Judged:
        """Measure the labels that are in no step yet, where there are enough, and judge all steps since the last finding."""
        store = self._labels.store
        store.commit()
        shifted: list[ColumnTest] | None = None
        while True:
            pairs, ids, last = store.unmeasured(_STEP_ROWS)
            if len(pairs) < FEWEST:
                break
            window = self._window(pairs, iso(last))
            misses, trials = misses_in(self._contract, pairs, self._reference)
            moved = self._shifted(pairs)
            shifted = moved if moved is None else (shifted or []) + moved
            store.add_step((len(pairs), misses, trials, encode(window)), ids)
        if shifted is None and not self._has_steps():
            return Judged(is_new=False)
        return self._concept(None if shifted is None else tuple(shifted))

    def _has_steps(self) -> bool:
        return bool(self._labels.store.steps(1))

    def _concept(self, shifted: tuple[ColumnTest, ...] | None) -> Judged:
        known = self._labels.store.steps(MOST_STEPS)
        after = max((place + 1 for place, step in enumerate(known) if step[4]), default=0)
        # Trials that follow each other tell as much as fewer that are independent.
        one = 1 / self._reference.dispersion
        steps = [LabelledStep(step[1], step[2] * one, step[3] * one) for step in known[after:]]
        if not steps:
            return Judged(is_new=True, shifted=shifted)
        reference = (self._reference.misses * one, self._reference.trials * one)
        place = worse_since(steps, reference, self._rate)
        span = steps[place or 0 :]
        live = self._labels.measured(self._labels.store.recent(min(sum(step.rows for step in span), LIVE_ROWS)))
        worse = self._matters(span, live)
        if place is None or worse is None:
            return Judged(is_new=True, is_clean=worse is None, live=live, shifted=shifted)
        threshold = float(self._training[f"{MEASURED_SPLITS[0]}_{worse}"])
        column = FindingColumn(name=worse, method="live", statistic=live[worse], p=self._rate, threshold=threshold)
        return Judged(is_new=True, worse=column, live=live, shifted=shifted, alarm=known[-1][0])

    def _matters(self, span: Sequence[LabelledStep], live: Mapping[str, float]) -> str | None:
        """Return the metric that is so much worse that it matters. Of classes, misses are held against misses: the AUC of one hour is
        lower than that of a month, whose hours differ, and so is its accuracy."""
        trials = sum(step.trials for step in span)
        if self._task not in (*RANKED, Task.MULTICLASS):
            return self._labels.worse(dict(live), dict(self._training))
        for metric in drift_metrics_of(self._task):
            more = (
                sum(step.misses for step in span) / max(trials, 1e-9) - self._reference.misses / self._reference.trials
            )
            is_known = metric.name in live and f"{MEASURED_SPLITS[0]}_{metric.name}" in self._training
            if is_known and more > metric.drift[self._task].by:
                return metric.name
        return None

    def found(self, judged: Judged) -> None:
        """Remember that a finding was written, so that the next one stands on labels that come after it."""
        if judged.alarm is not None:
            self._labels.store.alarmed(judged.alarm)

    def windows(self) -> tuple[LiveWindow, ...]:
        """Return the last windows of labelled rows, the oldest first."""
        return tuple(decode(LiveWindow, step[5].encode()) for step in self._labels.store.steps(_SHOWN_WINDOWS))

    def recent(self) -> tuple[LiveWindow | None, dict[str, LiveWindow]]:
        """Return what the last labelled rows say; all of them, and those of each slice that has enough, the largest first."""
        found = self._labels.store.recent_sliced(LIVE_ROWS)
        if len(found) < FEWEST:
            return None, {}
        groups: dict[str, Pairs] = {}
        for value, label, slices in found:
            for column, text in (slices or {}).items():
                groups.setdefault(f"{column}={text}", []).append((value, label))
        largest = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        sliced = {name: self._window(pairs, "") for name, pairs in largest[:_MOST_SLICES] if len(pairs) >= FEWEST}
        return self._window([(value, label) for value, label, _ in found], ""), sliced

    def _window(self, pairs: Pairs, until: str) -> LiveWindow:
        from mlops.workloads.metrics.intervals import intervals_of

        measured = self._labels.measured(pairs)
        metrics = {name: value for name, value in measured.items() if name != "rows"}
        truth, predicted = arrays_of(self._contract, pairs)
        intervals = intervals_of(drift_metrics_of(self._task), truth, predicted, metrics) if len(truth) else {}
        rounded = {name: tuple(round(bound, 4) for bound in bounds) for name, bounds in intervals.items()}
        return LiveWindow(until=until, rows=len(pairs), metrics=metrics, intervals=rounded)

    def _shifted(self, pairs: Pairs) -> list[ColumnTest] | None:
        """Return the tests of the labels that moved; None where labels are not compared."""
        kind, calibration = label_kind(self._contract), self._reference.labels
        if kind is None or calibration is None:
            return None
        tally = Tally(calibration, {LABEL_CONTENT: kind})
        tally.add({LABEL_CONTENT: label_column(self._contract, [label for _, label in pairs])})
        return [
            test
            for test in judge_window(tally, calibration, rate=self._rate)
            if test.moved and test.method not in ("duplicates", "constant")
        ]
