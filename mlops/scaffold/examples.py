"""Know the examples that packages ship.

Lives here: EXAMPLES, and example_files, the files of one whose YAML is written by hand.
Not here: writing the data of scikit-learn's (workloads.data.example).
Law: nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from mlops.scaffold.sensor_rows import sensor_csv

_FILES = Path(__file__).with_name("templates") / "examples"
WRITTEN: Mapping[str, str] = {"flights": "DELAY_API_KEY", "digits": "DIGIT_API_KEY", "anomalies": "FAULTS_API_KEY"}
"""Examples whose YAML is written by hand -> the key of their endpoint. Their data are files of an installed package, or made."""
_MADE: Mapping[str, Mapping[str, Callable[[], str]]] = {"anomalies": {"raw/readings.csv": sensor_csv}}
"""Example -> path of a file of data -> what makes it."""
SURVEYED: Mapping[str, str] = {
    "breast_cancer": "diagnosis", "diabetes": "progression", "iris": "species", "wine": "cultivar",
}  # fmt: skip
"""Examples that scikit-learn ships -> what is predicted; they are looked at like a user's own data."""
EXAMPLES = (*WRITTEN, *SURVEYED)


def example_files(name: str) -> dict[str, str]:
    """Return path -> text of the files of an example."""
    folder = _FILES / name
    written = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yaml"))
    }
    return {**written, **{path: make() for path, make in _MADE.get(name, {}).items()}}
