"""How often clean windows alarm, and how often shifted ones do.

Lives here: the table of false alarms and of power of ours and of its peers on the same windows, and the time that profiling takes.
Not here: the windows (drift_traffic), the peer that needs an environment of its own (peer_evidently).
Law: ours is what a watcher runs, baseline and all; a peer has the same training rows. A rate is given with its 95 % interval.

Evidently runs where EVIDENTLY_PYTHON names the interpreter of an environment that has it. NannyML cannot be installed beside
this project's LightGBM (it wants one below 4.6), and compares chunks that it cuts itself, so it is not measured.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bench.command import ROOT
from bench.drift_traffic import CLEAN, PREDICTED, SHIFTS, Flights, windows
from mlops.contracts.codec import decode
from mlops.contracts.watcher import BaselineFile, DriftTests, WatcherConfig
from mlops.workloads.monitoring.answers import MODEL_FILE, AnswerCheck
from mlops.workloads.monitoring.baseline import write_baseline
from mlops.workloads.monitoring.binning import as_column
from mlops.workloads.monitoring.calibrate import calibrate
from mlops.workloads.monitoring.predicted import compared_predictions
from mlops.workloads.monitoring.profile import Profile
from mlops.workloads.monitoring.tally import Tally
from mlops.workloads.monitoring.values import reader_of
from mlops.workloads.monitoring.verdict import answer_tests, judge_window

RATE = 0.01
_SIZES = (500, 1_000, 5_000)
_SHIFTED = 1_000
_PLAIN_ROWS = 20_000
_SLICED = "one airport (judged as a slice)"
_BASE = "consecutive rows of September, never seen"
Detector = Callable[[pd.DataFrame], set[str]]


def rows(repeat: int) -> list[dict[str, Any]]:
    flights = Flights.open()
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        ours, trained = _ours(Path(folder), flights)
        found = _false_alarms(flights, ours, trained, 40 * repeat)
        found += _power(flights, ours, _Plain(flights, trained), 10 * repeat)
        return [*found, _speed(flights, trained, repeat)]


@dataclass(frozen=True)
class _Ours:
    """What a watcher does with the rows of a window."""

    trained: BaselineFile
    types: dict[str, str]
    contract: dict[str, Any]
    model: Path

    def __call__(self, frame: pd.DataFrame) -> set[str]:
        assert self.trained.calibration is not None
        tally = Tally(self.trained.calibration, self.trained.kinds, self.trained.columns)
        tally.add(_typed(frame, self.trained.kinds, self.types))
        tests = judge_window(tally, self.trained.calibration, rate=RATE)
        if set(self.types) <= set(frame.columns) and self.model.exists():
            check = AnswerCheck(self.model, self.types, partial(compared_predictions, self.contract))
            for record in frame.iloc[:: max(1, len(frame) // 200)].to_dict("records"):
                row = {str(name): value for name, value in record.items() if name in self.types}
                check.add(
                    {name: None if value != value else value for name, value in row.items()},
                    {PREDICTED: record[PREDICTED]},
                )
            tests += answer_tests(check.shares())
        return {part for test in tests if test.moved for part in test.name.split(" and ")}


def _typed(frame: pd.DataFrame, kinds: dict[str, str], types: dict[str, str]) -> dict[str, Any]:
    columns = {}
    for name, kind in kinds.items():
        if kind == "number":
            columns[name] = pd.to_numeric(frame[name]).to_numpy(dtype=np.float64)
        else:
            read = reader_of(kind, types.get(name))
            places, different = pd.factorize(frame[name])
            texts = [*(read(value) for value in different), None]
            columns[name] = as_column([texts[place] for place in places], kind)
    return columns


def _ours(folder: Path, flights: Flights) -> tuple[_Ours, BaselineFile]:
    exported = ROOT / "models/delay/export"
    write_baseline(WatcherConfig(
        monitor="monitor.delay", baseline_dir=str(folder), out_dir=str(folder), window=3600.0, min_rows=500,
        drift=DriftTests(false_alarms=RATE), on_finding="record", contract=str(exported / "contract.json"),
        schema=str(ROOT / "data/flights/schema.json"), profile="", baseline_digest="bench", metrics={}, time_column="date",
    ))  # fmt: skip
    trained = decode(BaselineFile, (folder / "baseline.json").read_bytes())
    contract = json.loads((exported / "contract.json").read_text())
    return _Ours(trained, flights.types, contract, folder / MODEL_FILE), trained


class _Plain:
    """Kolmogorov-Smirnov and chi-squared by scipy, with Bonferroni's correction for the number of columns."""

    def __init__(self, flights: Flights, trained: BaselineFile) -> None:
        frame = flights.frames["train"]
        self._training = frame.iloc[:: len(frame) // _PLAIN_ROWS]
        self._kinds = trained.kinds

    def __call__(self, frame: pd.DataFrame) -> set[str]:
        level = RATE / len(self._kinds)
        return {name for name in self._kinds if self._p(frame[name], self._training[name], self._kinds[name]) < level}

    def _p(self, window: pd.Series, training: pd.Series, kind: str) -> float:
        left, right = training.dropna(), window.dropna()
        if kind == "number":
            return float(stats.ks_2samp(left, pd.to_numeric(right), method="asymp").pvalue) if len(right) else 0.0
        table = pd.concat([left.astype(str).value_counts(), right.astype(str).value_counts()], axis=1).fillna(0)
        return float(stats.chi2_contingency(table.to_numpy().T).pvalue)


def interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate (Wilson, 1927)."""
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def _false_alarms(flights: Flights, ours: _Ours, trained: BaselineFile, count: int) -> list[dict[str, Any]]:
    plain = _Plain(flights, trained)
    evidently = _evidently(flights, trained)
    found = []
    for kind, draw in CLEAN.items():
        for size in _SIZES:
            drawn = windows(draw, flights, rows=size, count=count)
            detector = _of_slices(flights, ours) if kind == _SLICED else ours
            alarms = sum(bool(detector(window)) for window in drawn)
            others = sum(bool(plain(window)) for window in drawn[: count // 4]) / (count // 4)
            low, high = interval(alarms, count)
            name = f"drift, false alarms: {kind}, {size:,} rows: {alarms} of {count} (95 %: {low:.1%} to {high:.1%})"
            peer = " (peer: KS and chi-squared)"
            if evidently is not None:
                peer = f" (peer: KS and chi-squared; Evidently {sum(map(bool, evidently(drawn[:20]))) / 20:.0%} of 20)"
            found.append({"name": name + peer, "ours": alarms / count, "peer": others, "ratio": None,
                          "budget": RATE, "holds": low <= RATE})  # fmt: skip
    return found


def _of_slices(flights: Flights, ours: _Ours) -> Detector:
    """Return ours, with a calibration of its own for each airport."""
    frame = flights.frames["train"]
    kinds = {name: kind for name, kind in ours.trained.kinds.items() if name != "origin"}
    made = {}
    for airport in ("EWR", "JFK", "LGA"):
        calibration = calibrate(_typed(frame[frame["origin"] == airport], kinds, ours.types), kinds)
        assert calibration is not None
        made[airport] = calibration

    def detect(window: pd.DataFrame) -> set[str]:
        calibration = made[window["origin"].iloc[0]]
        tally = Tally(calibration, kinds)
        tally.add(_typed(window, kinds, ours.types))
        return {test.name for test in judge_window(tally, calibration, rate=RATE) if test.moved}

    return detect


def _power(flights: Flights, ours: _Ours, plain: _Plain, count: int) -> list[dict[str, Any]]:
    """Measure how often a shift is found AND its column named: plain names columns of clean windows too."""
    found = []
    for shift, (inject, named) in SHIFTS.items():
        drawn = windows(CLEAN[_BASE], flights, rows=_SHIFTED, count=count, inject=inject)
        clean = windows(CLEAN[_BASE], flights, rows=_SHIFTED, count=count)
        hits = sum(bool(ours(window) & {*named}) for window in drawn)
        peers = sum(bool(plain(window) & {*named}) for window in drawn) / count
        anyway = sum(bool(plain(window) & {*named}) for window in clean) / count
        found.append({
            "name": f"drift, power: {shift}: {hits} of {count} (peer: KS and chi-squared, naming it in {anyway:.0%} of clean windows)",
            "ours": hits / count, "peer": peers, "ratio": hits / count / peers if peers else None, "budget": peers - anyway,
            "holds": hits / count >= peers - anyway,
        })  # fmt: skip
    return found


def _speed(flights: Flights, trained: BaselineFile, repeat: int) -> dict[str, Any]:
    """Measure the seconds for a million rows, from columns in memory to all statistics, against whylogs alone."""
    frame = flights.frames["train"]
    frame = pd.concat([frame] * (1 + 1_000_000 // len(frame))).iloc[:1_000_000]
    columns = _typed(frame, trained.kinds, flights.types)
    lists = {name: [None if value != value else value for value in column.tolist()] for name, column in columns.items()}
    assert trained.calibration is not None
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(max(1, repeat // 2)):
        began = time.perf_counter()
        tally = Tally(trained.calibration, trained.kinds, trained.columns)
        for start in range(0, 1_000_000, 10_000):
            tally.add(
                {name: as_column(values[start : start + 10_000], trained.kinds[name]) for name, values in lists.items()}
            )
        judge_window(tally, trained.calibration, rate=RATE)
        seconds["ours"].append(time.perf_counter() - began)
        began = time.perf_counter()
        Profile.of(lists, trained.kinds)
        seconds["peer"].append(time.perf_counter() - began)
    mine, other = (float(np.median(seconds[name])) for name in ("ours", "peer"))
    return {"name": "drift, a million rows counted and tested, s (peer: whylogs alone)", "ours": mine, "peer": other,
            "ratio": mine / other, "budget": 1.5, "holds": mine <= 1.5 * other}  # fmt: skip


def _evidently(flights: Flights, trained: BaselineFile) -> Callable[[Sequence[pd.DataFrame]], list[list[str]]] | None:
    """Return what names the columns that Evidently finds in each window; None where it is not there."""
    interpreter = os.environ.get("EVIDENTLY_PYTHON")
    if not interpreter:
        return None

    def ask(drawn: Sequence[pd.DataFrame]) -> list[list[str]]:
        with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
            frame = flights.frames["train"]
            _plain_columns(frame.iloc[:: len(frame) // _PLAIN_ROWS], trained).to_parquet(f"{folder}/training.parquet")
            for place, window in enumerate(drawn):
                _plain_columns(window, trained).to_parquet(f"{folder}/window-{place:04}.parquet")
            script = str(Path(__file__).with_name("peer_evidently.py"))
            said = subprocess.run([interpreter, script, folder], check=True, capture_output=True, text=True)
            answered: list[list[str]] = json.loads(said.stdout.splitlines()[-1])
            return answered

    return ask


def _plain_columns(frame: pd.DataFrame, trained: BaselineFile) -> pd.DataFrame:
    texts = {name: frame[name].astype(str) for name, kind in trained.kinds.items() if kind == "text"}
    return frame[list(trained.kinds)].assign(**texts)
