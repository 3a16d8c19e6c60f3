"""Make the windows that drift detectors are asked about.

Lives here: Flights (rows in time, with what the model predicts for them), ten kinds of clean traffic, and the shifts.
Not here: detectors and their figures (drift).
Law: a window is a frame in which `(prediction)` is a column like the others; the same seed makes the same window.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
import pyarrow.parquet as pq

from bench.command import ROOT
from mlops.workloads.features.columns import read_columns

PREDICTED = "(prediction)"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Flights:
    """Frames of the splits, in the order of time. `types`: column -> type of the contract; `day`, beside them, is no column."""

    frames: dict[str, pd.DataFrame]
    types: dict[str, str]

    @classmethod
    def open(cls, root: Path = ROOT) -> Flights:
        """Read the prepared data set and the exported model; `dvc repro` makes both."""
        contract = json.loads((root / "models/delay/export/contract.json").read_text())
        types = {column["name"]: column["type"] for column in contract["columns"]}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        model = str(root / "models/delay/export/model.onnx")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        frames = {}
        for split in SPLITS:
            path = root / f"data/flights/{split}.parquet"
            table = pq.read_table(path)
            frame = table.select(list(types)).to_pandas()
            frame[PREDICTED] = session.run(None, read_columns(path, types))[0]
            frame["day"] = table["date"].to_numpy()
            frames[split] = frame
        return cls(frames, types)


Draw = Callable[[Flights, int, np.random.Generator], pd.DataFrame]


def _consecutive(split: str, step: int = 1) -> Draw:
    def draw(flights: Flights, rows: int, chance: np.random.Generator) -> pd.DataFrame:
        frame = flights.frames[split]
        start = int(chance.integers(0, len(frame) - rows * step))
        return frame.iloc[start : start + rows * step : step]

    return draw


def _random(split: str) -> Draw:
    def draw(flights: Flights, rows: int, chance: np.random.Generator) -> pd.DataFrame:
        return flights.frames[split].iloc[chance.choice(len(flights.frames[split]), rows, replace=False)]

    return draw


def _from_midnight(flights: Flights, rows: int, chance: np.random.Generator) -> pd.DataFrame:
    """Return the hours of one day from its first on; of the days that follow it where one day has too few rows."""
    frame = flights.frames["train"]
    starts = np.flatnonzero(np.r_[True, frame["day"].to_numpy()[1:] != frame["day"].to_numpy()[:-1]])
    start = int(chance.choice(starts[starts < len(frame) - rows]))
    return frame.iloc[start : start + rows]


def _of_one_week(flights: Flights, rows: int, chance: np.random.Generator) -> pd.DataFrame:
    frame = flights.frames["train"]
    start = int(chance.integers(0, len(frame) - 6_300))
    return frame.iloc[start + np.sort(chance.choice(6_300, rows, replace=False))]


def _backwards(flights: Flights, rows: int, chance: np.random.Generator) -> pd.DataFrame:
    return _consecutive("val")(flights, rows, chance).iloc[::-1]


def _one_airport(flights: Flights, rows: int, chance: np.random.Generator) -> pd.DataFrame:
    frame = flights.frames["train"]
    chosen = np.flatnonzero(frame["origin"].to_numpy() == chance.choice(["EWR", "JFK", "LGA"]))
    start = int(chance.integers(0, len(chosen) - rows))
    return frame.iloc[chosen[start : start + rows]]


CLEAN: dict[str, Draw] = {
    "random rows of training": _random("train"),
    "consecutive rows of training": _consecutive("train"),
    "every second row of training (one of two replicas)": _consecutive("train", 2),
    "every fourth row of training (a sampled log)": _consecutive("train", 4),
    "hours of a day of training, from its first on": _from_midnight,
    "rows of one week of training": _of_one_week,
    "consecutive rows of September, never seen": _consecutive("val"),
    "random rows of September, never seen": _random("val"),
    "rows of September backwards": _backwards,
    "one airport (judged as a slice)": _one_airport,
}

Inject = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def _some(column: str, value: Any, share: float) -> Inject:
    def inject(frame: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
        values = frame[column].astype(object)
        values[chance.random(len(frame)) < share] = value
        return frame.assign(**{column: values})

    return inject


def _of(column: str, change: Callable[[Any], Any]) -> Inject:
    return lambda frame, _: frame.assign(**{column: change(frame[column])})


def _shuffled(column: str) -> Inject:
    return lambda frame, chance: frame.assign(**{column: chance.permutation(frame[column].to_numpy())})


def _swapped(left: str, right: str) -> Inject:
    return lambda frame, _: frame.assign(**{left: frame[right], right: frame[left]})


def _repeated(frame: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    places = np.arange(len(frame))
    again = chance.random(len(frame)) < 0.3
    places[again] = chance.integers(0, len(frame), int(again.sum()))
    return frame.iloc[places]


def _doubled(frame: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    weights = np.where(frame["origin"] == "JFK", 3.0, 1.0)
    return frame.iloc[np.sort(chance.choice(len(frame), len(frame) // 2, replace=False, p=weights / weights.sum()))]


SHIFTS: dict[str, tuple[Inject, tuple[str, ...]]] = {
    "new category in 3 %": (_some("carrier", "ZZ", 0.03), ("carrier",)),
    "new whole number of a category in 3 %": (_some("weekday", 9, 0.03), ("weekday",)),
    "missing in 3 %": (_some("distance", None, 0.03), ("distance",)),
    "missing in 30 % where some always are": (_some("pressure", None, 0.3), ("pressure",)),
    "outliers in 3 %": (_some("distance", 99_999, 0.03), ("distance",)),
    "sensor stuck at zero": (_of("temp", lambda values: values * 0), ("temp",)),
    "sensor stuck at its last value": (_of("humid", lambda values: values * 0 + values.median()), ("humid",)),
    "a number x 1.1": (_of("distance", lambda values: values * 1.1), ("distance",)),
    "a measured number x 1.1": (_of("temp", lambda values: values * 1.1), ("temp",)),
    "predictions x 1.1": (_of(PREDICTED, lambda values: np.minimum(values * 1.1, 1)), (PREDICTED,)),
    "predictions all the same": (_of(PREDICTED, lambda values: values * 0 + values.mean()), (PREDICTED,)),
    "predictions of other rows": (_shuffled(PREDICTED), (PREDICTED,)),
    "joint shift: distances of other rows": (_shuffled("distance"), ("distance", "dest")),
    "unit change: Fahrenheit to Celsius": (_of("temp", lambda values: (values - 32) / 1.8), ("temp",)),
    "unit change: miles to kilometres": (_of("distance", lambda values: values * 1.609), ("distance",)),
    "two columns swapped": (_swapped("humid", "dewp"), ("humid", "dewp")),
    "segment gone (no JFK)": (lambda frame, _: frame[frame["origin"] != "JFK"], ("origin",)),
    "segment three times as frequent": (_doubled, ("origin",)),
    "a third of the rows sent twice": (_repeated, ("(rows)",)),
    "categories in small letters": (_of("carrier", lambda values: values.str.lower()), ("carrier",)),
    "hours of another time zone": (_of("hour", lambda values: (values + 5) % 24), ("hour",)),
}  # fmt: skip


def windows(draw: Draw, flights: Flights, *, rows: int, count: int, inject: Inject | None = None) -> list[pd.DataFrame]:
    """Return windows of a kind; with a shift in them where one is given."""
    made = []
    for seed in range(count):
        chance: np.random.Generator = np.random.default_rng([seed, rows])
        frame = draw(flights, rows, chance)
        made.append(inject(frame, chance) if inject is not None else frame)
    return made


def as_arrays(frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a window."""
    return {str(name): frame[name].to_numpy() for name in frame.columns if name != "day"}
