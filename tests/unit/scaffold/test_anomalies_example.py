"""The example of unlabelled readings: the same rows everywhere, and the files that lie in examples/."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mlops.api.init import init_project
from mlops.scaffold.examples import example_files
from mlops.scaffold.sensor_rows import sensor_csv, sensor_rows

FOLDER = Path(__file__).parents[3] / "examples/anomalies"


def test_example_of_anomalies_is_what_init_writes(tmp_path: Path) -> None:
    made = init_project(tmp_path / "anomalies", example="anomalies")
    there = {path.relative_to(FOLDER).as_posix(): path.read_text() for path in FOLDER.rglob("*") if path.is_file()}
    assert there == example_files("anomalies"), "write examples/anomalies anew: it is what example_files gives"
    assert all((tmp_path / "anomalies" / path).read_text() == text for path, text in there.items())
    assert ".mlops/secrets/FAULTS_API_KEY" in made.written


def test_sensor_rows_are_the_same_on_every_machine() -> None:
    text = sensor_csv()
    assert len(text) < 200_000
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "6e685120e69b79bce86d34236724dba2764a4df0ca7ffb1cb082409563160f45"
    )
    assert 10 < sum(bool(reading.fault) for reading in sensor_rows()) < 60
