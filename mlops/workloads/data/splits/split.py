"""Split rows as a data set says.

Lives here: split_rows, and the protocol Split.
Not here: the splits themselves (the other files of this room).
Law: there are three splits, and no row is in two of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow as pa

from mlops.config.schema.by_name import unfit
from mlops.config.schema.dataset import Dataset
from mlops.extensions import SPLITS

NAMES = ("train", "val", "test")


class Split(Protocol):
    """What a name registers in `mlops.splits`."""

    def __call__(self, table: pa.Table, spec: Any, *, label: str | None) -> Mapping[str, pa.Table]:
        """Return the rows of `train`, `val` and `test`; rows may be left out.

        `spec`: an object of the model in `mlops.splits.schema`. `label`: the column to predict. Raises MlopsError.
        """


def split_rows(table: pa.Table, dataset: Dataset) -> dict[str, pa.Table]:
    """Return the rows of each split, `train` first. Raises MlopsError where the rows cannot be split so."""
    name = dataset.split.by
    split: Split = SPLITS.load(name)
    parts = split(table, dataset.split, label=dataset.label)
    if set(parts) != set(NAMES):
        raise unfit(SPLITS, name, f"it gave {', '.join(sorted(parts)) or 'nothing'} instead of {', '.join(NAMES)}")
    return {part: parts[part] for part in NAMES}
