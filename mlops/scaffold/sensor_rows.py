"""Make up what the sensors of a pump say.

Lives here: sensor_rows, the data of the example `anomalies`.
Not here: the example's YAML (templates), other examples (examples).
Law: equal on every machine; nobody reads which rows are faults but the tests.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from dataclasses import dataclass

HEADER = ("time", "state", "temperature", "vibration", "pressure", "current")
_START = dt.datetime(2025, 2, 28)
_STEP = dt.timedelta(minutes=30)
_COUNT = 42 * 48
_AMPERES = {"idle": 2.0, "run": 11.0, "boost": 17.0}
_FAULTS = ("bearing", "leak", "overheat")
_FAULTY, _MISSING = 0.012, 0.01


@dataclass(frozen=True)
class Reading:
    """One row of the file. `fault`: what is wrong, which stands in no file; empty for nothing."""

    values: tuple[str, ...]
    fault: str


def sensor_rows() -> list[Reading]:
    """Return the readings of six weeks, one every half hour."""
    chance = random.Random(20250228)  # noqa: S311  no secret
    warmth, readings = 0.0, []
    for place in range(_COUNT):
        time = _START + place * _STEP
        state = _state(time, chance)
        current = max(0.5, chance.gauss(_AMPERES[state], 0.06 * _AMPERES[state]))
        warmth = 0.85 * warmth + 0.15 * current
        temperature = 18 + 2.4 * warmth + chance.gauss(0, 0.6)
        vibration = 0.3 + 0.11 * current + chance.gauss(0, 0.05)
        pressure = 0.4 + 0.33 * current + chance.gauss(0, 0.08)
        fault = chance.choice(_FAULTS) if chance.random() < _FAULTY else ""
        match fault:
            case "bearing":
                vibration = 1.5 + 2.2 * vibration
            case "leak":
                pressure = 0.15 * pressure
            case "overheat":
                temperature += 35
        numbers = [temperature, vibration, pressure, current]
        shown = ["" if chance.random() < _MISSING and not fault else f"{number:.2f}" for number in numbers]
        readings.append(Reading((f"{time:%Y-%m-%d %H:%M}", state, *shown), fault))
    return readings


def sensor_csv() -> str:
    """Return the readings as a file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(reading.values for reading in sensor_rows())
    return text.getvalue()


def _state(time: dt.datetime, chance: random.Random) -> str:
    is_day = time.weekday() < 5 and 6 <= time.hour < 22
    if not is_day:
        return "run" if chance.random() < 0.1 else "idle"
    return chance.choices(["idle", "run", "boost"], [0.1, 0.7, 0.2])[0]
