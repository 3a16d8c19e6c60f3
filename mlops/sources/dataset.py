"""Find the rows of another data set of the project.

Lives here: dataset_name and split_name of a uri, prepared_files, fingerprint.
Not here: whether that data set changed (its stage is a dependency of the stage that reads it, in dvc.yaml).
Law: where rows lie depends on the name alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.sources.source import Digests

SPLIT_NAMES = ("train", "val", "test")
MOST_READ = 4
"""How many other data sets one may read: as many as a stage of dvc.yaml has places for."""
_SCHEME = "dataset://"


def dataset_name(uri: str) -> str:
    """Return the name of the data set that a uri names."""
    return uri.removeprefix(_SCHEME).partition("/")[0]


def split_name(uri: str) -> str | None:
    """Return the split that a uri names; None for all."""
    _, separator, split = uri.removeprefix(_SCHEME).partition("/")
    return split if separator else None


def data_folder(uri: str) -> str:
    """Return the folder of the prepared rows, relative to the project: what the stage depends on."""
    return f"data/{dataset_name(uri)}"


def prepared_files(uri: str, root: Path) -> list[Path]:
    """Return the files of the rows, in their order. Raises MlopsError where one is not there."""
    split = split_name(uri)
    paths = [root / data_folder(uri) / f"{name}.parquet" for name in ([split] if split else SPLIT_NAMES)]
    for path in paths:
        if not path.is_file():
            name = dataset_name(uri)
            raise MlopsError.of(
                "source not found",
                f"`{uri}` is read from {path}, which is not there. Make it: mlops apply, or dvc repro prepare@{name}",
            )
    return paths


def fingerprint(source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
    """Return what the data set is called: its content is pinned by dvc.lock, as a dependency of the stage."""
    return f"dataset.{dataset_name(source['uri'])}"
