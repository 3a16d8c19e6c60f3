"""Read what training predicted.

Lives here: predictions_of.
Not here: writing them (train), measuring them (evaluate).
Law: a row's prediction is a number, or one for each class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def predictions_of(table: pa.Table, split: str) -> npt.NDArray[Any]:
    """Return `[N]`, or `[N, K]`. `table`: models/NAME/train/predictions.parquet."""
    column = table.filter(pc.equal(table["split"], split))["prediction"].combine_chunks()
    if pa.types.is_list(column.type):
        flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        many: npt.NDArray[Any] = flat.reshape(len(column), -1 if len(column) else 1)
        return many
    values: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values
