"""Thresholds that are calibrated on windows of the training data, by rows that follow each other in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mlops.contracts.calibration import WindowCalibration
from mlops.contracts.codec import decode, encode
from mlops.contracts.watcher import BaselineColumn
from mlops.workloads.monitoring.calibrate import FEWEST_CALIBRATED, calibrate
from mlops.workloads.monitoring.profile import PREDICTION
from mlops.workloads.monitoring.tally import Tally
from mlops.workloads.monitoring.verdict import judge_window

KINDS = {"temp": "number", "dew": "number", "distance": "number", "place": "text", PREDICTION: "number"}
Columns = dict[str, npt.NDArray[Any]]
ROWS, WINDOW, RATE = 16_384, 500, 0.01


def series(seed: int, count: int) -> Columns:
    """Return rows of a weather that stays much the same for a while, with a season, and of flights."""
    chance = np.random.default_rng(seed)
    noise, weather = chance.normal(size=count), np.zeros(count)
    for row in range(1, count):
        weather[row] = 0.995 * weather[row - 1] + 0.1 * noise[row]
    place = chance.integers(0, 6, count)
    temp = np.round(weather + np.sin(np.arange(count) / 2500), 2)
    dew = temp - np.abs(np.round(chance.normal(scale=0.3, size=count), 2))
    predicted = np.clip(0.3 + 0.02 * place + 0.03 * chance.normal(size=count), 0, 1)
    return {
        "temp": temp, "dew": dew, "distance": 100.0 + 37 * place,
        "place": np.array(["ABCDEF"[one] for one in place], dtype=object), PREDICTION: predicted,
    }  # fmt: skip


def taken(columns: Columns, rows: Any) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


@pytest.fixture(scope="module")
def training() -> Columns:
    return series(1, ROWS)


@pytest.fixture(scope="module")
def calibration(training: Columns) -> WindowCalibration:
    made = calibrate(training, KINDS)
    assert made is not None
    return made


def moved(calibration: WindowCalibration, training: Columns, window: Columns, **how: Any) -> set[tuple[str, str]]:
    mean, deviation = float(training[PREDICTION].mean()), float(training[PREDICTION].std())
    tally = Tally(calibration, KINDS, {PREDICTION: BaselineColumn(known=ROWS, mean=mean, deviation=deviation)})
    half = len(window["temp"]) // 2
    for part in (slice(None, half), slice(half, None)):
        tally.add(taken(window, part))
    return {
        (test.name, test.method) for test in judge_window(tally, calibration, **({"rate": RATE} | how)) if test.moved
    }


def test_windows_of_training_are_clean_however_they_are_cut(training: Columns, calibration: WindowCalibration) -> None:
    chance = np.random.default_rng(2)
    alarms = 0
    for number in range(60):
        start = int(chance.integers(0, ROWS - 2 * WINDOW))
        rows = [
            slice(start, start + WINDOW), slice(start, start + 2 * WINDOW, 2), chance.choice(ROWS, WINDOW, replace=False)
        ][number % 3]  # fmt: skip
        alarms += bool(moved(calibration, training, taken(training, rows)))
    assert alarms <= 2


def test_windows_of_another_time_are_clean(training: Columns, calibration: WindowCalibration) -> None:
    later = series(9, 10 * WINDOW)
    alarms = [
        moved(calibration, training, taken(later, slice(at, at + WINDOW))) for at in range(0, 10 * WINDOW, WINDOW)
    ]
    assert sum(map(bool, alarms)) <= 1


def some(name: str, value: Any, every: int) -> Callable[[Columns], Columns]:
    def change(window: Columns) -> Columns:
        column = window[name].copy()
        column[::every] = value
        return window | {name: column}

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (some("place", "Z", 33), ("place", "unseen")),
        (some("place", None, 33), ("place", "missing")),
        (some("distance", 9999.0, 33), ("distance", "outside")),
        (some("temp", 0.12, 1), ("temp", "constant")),
        (lambda window: window | {"distance": window["distance"] * 1.1}, ("distance", "unseen")),
        (lambda window: window | {PREDICTION: window[PREDICTION] * 1.1}, (PREDICTION, "mean")),
        (lambda window: window | {"distance": window["distance"][::-1]}, ("distance and place", "joint")),
        (lambda window: taken(window, np.repeat(np.arange(0, WINDOW, 2), 2)), ("(rows)", "duplicates")),
        (lambda window: taken(window, window["place"] != "A"), ("place", "chi2")),
    ],
)  # fmt: skip
def test_shift_is_found_and_its_column_named(
    training: Columns, calibration: WindowCalibration, change: Any, expected: tuple[str, str]
) -> None:
    for start in (1000, 7000, 12_000):
        window = change(taken(training, slice(start, start + WINDOW)))
        assert expected in moved(calibration, training, window)


def test_rows_in_no_order_are_held_against_rows_in_no_order(training: Columns, calibration: WindowCalibration) -> None:
    """Shuffled rows are a sample of their whole time, so a smaller difference is real than in rows that follow each other."""
    assert {*calibration.order} == {"temp"}
    part = taken(training, slice(0, 8000))
    part["temp"] = part["temp"] + 0.6
    mixed = np.random.default_rng(4).choice(8000, 2 * WINDOW, replace=False)
    assert ("temp", "ks") in moved(calibration, training, taken(part, mixed))
    assert ("temp", "ks") not in moved(calibration, training, taken(part, np.sort(mixed)[:WINDOW]))


def test_floor_of_a_column_decides_what_matters(training: Columns, calibration: WindowCalibration) -> None:
    window = taken(training, slice(3000, 3000 + WINDOW))
    window = taken(window, window["place"] != "A")
    assert ("place", "chi2") in moved(calibration, training, window)
    assert ("place", "chi2") not in moved(calibration, training, window, floors={"place": 0.5})


def test_rarer_false_alarms_need_larger_differences(training: Columns, calibration: WindowCalibration) -> None:
    tally = Tally(calibration, KINDS)
    tally.add(taken(training, slice(0, WINDOW)))
    often, seldom = (
        {(test.name, test.method): test.threshold for test in judge_window(tally, calibration, rate=rate)}
        for rate in (0.1, 0.001)
    )
    assert all(seldom[key] >= often[key] for key in often)
    assert sum(seldom[key] > often[key] for key in often) >= 4


def test_many_rows_of_a_short_time_are_held_against_few(training: Columns, calibration: WindowCalibration) -> None:
    from msgspec import structs

    per_second = structs.replace(calibration, rows_per_second=0.5)
    tally = Tally(per_second, KINDS)
    tally.add(taken(training, slice(0, 2000)))
    thresholds = [
        next(test.threshold for test in judge_window(tally, per_second, rate=RATE, seconds=seconds) if test.name == "temp" and test.method == "ks")
        for seconds in (1000.0, 100_000.0)
    ]  # fmt: skip
    assert thresholds[0] > thresholds[1]


def test_equal_rows_give_equal_bytes_that_are_read_back(training: Columns, calibration: WindowCalibration) -> None:
    again = calibrate(training, KINDS)
    assert encode(again) == encode(calibration)
    assert decode(WindowCalibration, encode(calibration)) == calibration


def test_few_rows_are_not_calibrated(training: Columns) -> None:
    assert calibrate(taken(training, slice(0, FEWEST_CALIBRATED - 1)), KINDS) is None


def test_longer_window_of_rows_that_repeat_anyway_is_no_sign() -> None:
    chance = np.random.default_rng(6)
    colors = np.array(["red", "green", "blue"], dtype=object)
    kinds = {"color": "text"}
    made = calibrate({"color": colors[chance.integers(0, 3, 3000)]}, kinds)
    assert made is not None
    tally = Tally(made, kinds, {})
    tally.add({"color": colors[chance.integers(0, 3, 900)]})
    assert not [test.method for test in judge_window(tally, made, rate=RATE) if test.moved]
