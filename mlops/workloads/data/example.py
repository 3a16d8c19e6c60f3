"""Write a data set that scikit-learn ships: python -m mlops.workloads.data.example NAME OUT.

Lives here: write_example.
Not here: which examples there are for a user (scaffold.examples).
Law: the file is the same on every machine; nothing is fetched.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

from sklearn import datasets

_LOADERS = {
    "breast_cancer": datasets.load_breast_cancer, "diabetes": datasets.load_diabetes,
    "iris": datasets.load_iris, "wine": datasets.load_wine,
}  # fmt: skip


def write_example(name: str, label: str, out: Path) -> None:
    """Write a CSV file with a header; classes stand as their names, where they have some."""
    options = {"scaled": False} if name == "diabetes" else {}
    loaded: Any = _LOADERS[name](**options)
    names = [str(column).replace(" ", "_").replace("(", "").replace(")", "") for column in loaded.feature_names]
    classes = getattr(loaded, "target_names", None)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, label])
        for row, target in zip(loaded.data.tolist(), loaded.target.tolist(), strict=True):
            values = [int(value) if float(value).is_integer() else value for value in row]
            writer.writerow([*values, target if classes is None else str(classes[target])])


if __name__ == "__main__":
    write_example(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
