"""Split rows as a data set says.

Lives here: split_rows, number_rows, which does it with only the columns that a split reads, and the protocol Split.
Not here: the splits themselves (the other files of this room).
Law: there are three splits, and no row is in two of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mlops.config.schema.by_name import unfit
from mlops.config.schema.dataset import Dataset
from mlops.extensions import SPLITS
from mlops.workloads.data.rows import Rows

NAMES = ("train", "val", "test")
Numbers = npt.NDArray[np.int64]


class Split(Protocol):
    """What a name registers in `mlops.splits`."""

    def __call__(self, table: pa.Table, spec: Any, *, label: str | None) -> Mapping[str, pa.Table]:
        """Return the rows of `train`, `val` and `test`; rows may be left out.

        `spec`: an object of the model in `mlops.splits.schema`. `label`: the column to predict, None where there are several or none. `table`: the columns that
        `spec.columns` names, the label, and one that numbers the rows. Raises MlopsError.
        """


def split_rows(table: pa.Table, dataset: Dataset) -> dict[str, pa.Table]:
    """Return the rows of each split, `train` first. Raises MlopsError where the rows cannot be split so."""
    name = dataset.split.by
    split: Split = SPLITS.load(name)
    parts = split(table, dataset.split, label=dataset.only_label)
    if set(parts) != set(NAMES):
        raise unfit(SPLITS, name, f"it gave {', '.join(sorted(parts)) or 'nothing'} instead of {', '.join(NAMES)}")
    return {part: parts[part] for part in NAMES}


def number_rows(rows: Rows, kept: Numbers, dataset: Dataset) -> dict[str, Numbers]:
    """Return the numbers of the rows of each split, in their order. `kept`: the numbers of the rows to split.

    Raises MlopsError where the rows cannot be split so.
    """
    needed = list(dict.fromkeys([*dataset.split.columns, *dataset.labels]))
    name = "row"
    while name in needed:
        name += "_"
    table = rows.select(needed)
    if len(kept) < rows.num_rows:
        table = table.take(pa.array(kept))
    parts = split_rows(table.append_column(name, pa.array(kept)), dataset)
    return {part: table[name].to_numpy() for part, table in parts.items()}
