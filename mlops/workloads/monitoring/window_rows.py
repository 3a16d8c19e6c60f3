"""Gather the rows of a window and test them.

Lives here: Baseline (what windows are compared with) and WindowRows (the rows of one window, as the contract types them).
Not here: reading the log (watcher), the tests (verdict where the baseline is calibrated, drift where it is not).
Law: a baseline of a version that did not calibrate is compared as it was then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops.contracts.codec import decode
from mlops.contracts.watcher import BaselineFile, DriftTests
from mlops.workloads.answer_row import answer_row
from mlops.workloads.label_values import is_number
from mlops.workloads.monitoring.answers import MODEL_FILE, AnswerCheck
from mlops.workloads.monitoring.binning import as_column
from mlops.workloads.monitoring.column_test import ColumnTest
from mlops.workloads.monitoring.drift import compare
from mlops.workloads.monitoring.facts import WindowCounts
from mlops.workloads.monitoring.predicted import CONFIDENCE, compared_predictions, confidence_column
from mlops.workloads.monitoring.profile import Profile, is_prediction, prediction_column
from mlops.workloads.monitoring.tally import Tally
from mlops.workloads.monitoring.values import reader_of
from mlops.workloads.monitoring.verdict import answer_tests, judge_window

_BATCH = 10_000


class Baseline:
    """What the windows of an endpoint are compared with. Raises ContractError where its files do not fit."""

    def __init__(self, folder: Path, contract: dict[str, Any], drift: DriftTests) -> None:
        self.trained = decode(BaselineFile, (folder / "baseline.json").read_bytes())
        self.contract, self.drift = contract, drift
        self.kinds = self.trained.kinds
        self.calibration = self.trained.calibration
        self.model = folder / MODEL_FILE
        self.profile = Profile.read(folder / "baseline.bin", self.trained.rows)
        self.own_row = answer_row(contract)
        self.types = {column["name"]: column["type"] for column in contract.get("columns", ())}
        self.readers = {name: reader_of(kind, self.types.get(name)) for name, kind in self.kinds.items()}
        self.inputs = [name for name in self.kinds if not is_prediction(name)]

    def leave_out(self, columns: Container[str]) -> None:
        """Compare no more by these columns."""
        self.kinds = {name: kind for name, kind in self.kinds.items() if name not in columns}
        self.inputs = [name for name in self.inputs if name in self.kinds]

    def note(self, at: float) -> str | None:
        """Say what of the season of a window (Unix seconds) training did not cover; None where it did, or has no time."""
        calibration = self.calibration
        if calibration is None or calibration.since is None or calibration.until is None:
            return None
        since, until = (
            datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (calibration.since, calibration.until)
        )
        if until - since >= timedelta(days=360):
            return None
        here = datetime.fromtimestamp(at, UTC)
        covered = {(since + timedelta(days=day)).strftime("%m-%d") for day in range((until - since).days + 1)}
        if here.strftime("%m-%d") in covered:
            return None
        return (
            f"training covers {since:%Y-%m-%d} to {until:%Y-%m-%d}, so it cannot show what is usual in {here:%B}: "
            "a part of this may be the season"
        )

    def predicted(self, value: Any) -> dict[str, Any]:
        """Return column -> what is compared of one prediction. `value`: as `answer_of` returns it."""
        parts = self.own_row.compared(value) if self.own_row else {"": value}
        return {prediction_column(part): compared for part, compared in parts.items()}

    def confidence(self, prediction: Mapping[str, Any]) -> dict[str, Any]:
        """Return column -> how sure an answer is of its class, where that is a column of its own."""
        if CONFIDENCE not in self.kinds:
            return {}
        chances = prediction.get("probabilities")
        known = [chance for chance in chances.values() if is_number(chance)] if isinstance(chances, dict) else []
        return {CONFIDENCE: max(known, default=None)}

    def answer_of(self, prediction: Mapping[str, Any]) -> Any:
        """Return what of one answer is compared, and what its label is held against; of several numbers a row, all of them."""
        if self.own_row:
            return self.own_row.read(dict(prediction))
        label = self.contract["label"]
        match self.contract["task"]:
            case "regression":
                return prediction.get(label)
            case "multiclass":
                return str(prediction.get(label))
            case _:
                return prediction.get(self.contract["outputs"][0]["name"])


class WindowRows:
    """The rows of one window, counted batch by batch."""

    def __init__(self, baseline: Baseline) -> None:
        self.count = 0
        self.answers: Counter[str] = Counter()
        """Status -> answers of the window."""
        self._baseline = baseline
        self._columns: dict[str, list[Any]] = {name: [] for name in baseline.kinds}
        facts = baseline.trained.columns or {}
        self._tally = Tally(baseline.calibration, baseline.kinds, facts) if baseline.calibration else None
        self._counts = WindowCounts(facts, baseline.kinds) if self._tally is None else None
        self._profile: Profile | None = None
        check = AnswerCheck(baseline.model, baseline.types, partial(compared_predictions, baseline.contract))
        self._check = check if self._tally is not None and check.is_possible else None

    def add(self, row: Mapping[str, Any], value: Any, confidence: Mapping[str, Any] | None = None) -> None:
        """Take a row, what was answered, as `Baseline.answer_of` returns it, and `Baseline.confidence`."""
        baseline = self._baseline
        for name in baseline.inputs:
            self._columns[name].append(baseline.readers[name](row.get(name)))
        predicted = {**baseline.predicted(value), **(confidence or {})}
        for name, compared in predicted.items():
            if name in self._columns:
                self._columns[name].append(baseline.readers[name](compared))
        if self._check is not None:
            self._check.add(row, predicted)
        self.count += 1
        if self.count % _BATCH == 0:
            self._flush()

    def answered(self, answers: Mapping[str, int]) -> None:
        """Count answers. `answers`: status -> how many."""
        self.answers.update(answers)

    def _flush(self) -> None:
        if not any(self._columns.values()):
            return
        kinds = self._baseline.kinds
        if self._tally is not None:
            self._tally.add({name: as_column(values, kinds[name]) for name, values in self._columns.items()})
        else:
            assert self._counts is not None
            self._counts.add(self._columns)
            part = Profile.of(self._columns, kinds)
            self._profile = part if self._profile is None else self._profile.merge(part)
        self._columns = {name: [] for name in kinds}

    def confidences(self) -> npt.NDArray[np.int64] | None:
        """Return the rows in each bin of the model's confidence, the last two left out; None where that is not compared."""
        self._flush()
        counts = self._tally.counts.get(confidence_column(self._baseline.contract)) if self._tally else None
        return None if counts is None else counts[:-2]

    @property
    def counts(self) -> dict[str, tuple[int, ...]]:
        """Return column -> rows in each bin of the calibration; none without one."""
        self._flush()
        return {} if self._tally is None else {name: tuple(each.tolist()) for name, each in self._tally.counts.items()}

    def tests(self, seconds: float | None) -> list[ColumnTest]:
        """Return the tests of all rows, those that moved most first. `seconds`: the window's length; None where it has none."""
        self._flush()
        baseline, drift = self._baseline, self._baseline.drift
        if self._tally is None:
            assert self._profile is not None
            return compare(
                baseline.profile, self._profile, baseline.kinds, method=drift.method, threshold=drift.threshold,
                counts=self._counts,
            )  # fmt: skip
        assert baseline.calibration is not None
        floor = None if isinstance(drift.threshold, str) else drift.threshold
        floors = {} if floor is None else dict.fromkeys(baseline.kinds, floor)
        found = judge_window(
            self._tally, baseline.calibration, rate=drift.false_alarms, seconds=seconds, floors=floors | drift.floors
        )
        if self._check is not None:
            found = answer_tests({k: v for k, v in self._check.shares().items() if k in baseline.kinds}) + found
        return found
