"""The example of unlabelled sensor readings, from `mlops init` to a reading that is flagged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mlops.scaffold.sensor_rows import sensor_rows
from tests.e2e.conftest import Workplace

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
USUAL = {"state": "run", "temperature": 45.0, "vibration": 1.5, "pressure": 4.0, "current": 11.0}
LEAK = {**USUAL, "pressure": 0.6}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    made = Workplace(tmp_path / "pump")
    made.root.mkdir()
    made.mlops("init", "--example", "anomalies")
    yield made
    made.mlops("destroy", "--yes", code=None)


def test_example_of_anomalies_flags_a_leak_and_finds_most_faults(place: Workplace) -> None:
    place.mlops("apply", "--yes")
    assert place.words() == {}
    url = place.status()["endpoint.faults"]["url"]
    headers = {"x-api-key": (place.root / ".mlops/secrets/FAULTS_API_KEY").read_text().strip()}
    answer = httpx.post(f"{url}/predict", json={"rows": [USUAL, LEAK]}, headers=headers).json()
    assert [row["flagged"] for row in answer["predictions"]] == [False, True]
    assert answer["predictions"][1]["score"] > answer["predictions"][0]["score"]
    metrics = json.loads((place.root / "metrics/model/faults.json").read_text())
    assert metrics["test_share_flagged"] <= 0.1
    assert metrics["test_reconstruction_error"] > 0
    rows = [dict(zip(("time", *USUAL), reading.values, strict=True)) for reading in sensor_rows() if reading.fault]
    asked = [{name: row[name] if name == "state" else float(row[name]) for name in USUAL} for row in rows]
    found = httpx.post(f"{url}/predict", json={"rows": asked}, headers=headers).json()["predictions"]
    assert sum(row["flagged"] for row in found) > len(asked) / 3
