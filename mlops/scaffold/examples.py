"""Know the examples that packages ship.

Lives here: EXAMPLES, and example_files, the files of one whose YAML is written by hand.
Not here: writing the data of scikit-learn's (workloads.data.example).
Law: nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_FILES = Path(__file__).with_name("templates") / "examples"
WRITTEN: Mapping[str, str] = {"flights": "DELAY_API_KEY", "digits": "DIGIT_API_KEY"}
"""Examples whose YAML is written by hand -> the key of their endpoint. Their data are files of an installed package."""
SURVEYED: Mapping[str, str] = {
    "breast_cancer": "diagnosis", "diabetes": "progression", "iris": "species", "wine": "cultivar",
}  # fmt: skip
"""Examples that scikit-learn ships -> what is predicted; they are looked at like a user's own data."""
EXAMPLES = (*WRITTEN, *SURVEYED)


def example_files(name: str) -> dict[str, str]:
    """Return path -> text of the files of an example."""
    folder = _FILES / name
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yaml"))
    }
