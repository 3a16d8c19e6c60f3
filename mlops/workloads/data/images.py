"""See that images can be decoded before a model is trained on them.

Lives here: image_problems.
Not here: decoding (features.images), which columns are images (the data set).
Law: every image that a model would learn from is decoded once as training and serving do it; a few of those at fault are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.dataset import Dataset
from mlops.workloads.data.rows import Rows
from mlops.workloads.data.splits.split import Numbers
from mlops.workloads.features.columns import forms_of
from mlops.workloads.features.images import ImageError, ImageForm, decode_image

_NAMED = 5
_THREADS = 4


def image_problems(rows: Rows, kept: Numbers, dataset: Dataset) -> Iterator[str]:
    """Yield a sentence for each feature whose images are missing or cannot be decoded. `kept`: the rows that count."""
    with ThreadPoolExecutor(_THREADS) as pool:
        for column, form in forms_of(dataset.features).items():
            yield from _of_column(rows, column, form, kept, pool)


def _of_column(rows: Rows, column: str, form: ImageForm, kept: Numbers, pool: ThreadPoolExecutor) -> Iterator[str]:
    missing, count = 0, 0
    named: list[str] = []
    start = 0
    for window in rows.windows_of([column, *(["path"] if "path" in rows.column_names else [])]):
        chosen = kept[np.searchsorted(kept, start) : np.searchsorted(kept, start + window.num_rows)] - start
        start += window.num_rows
        some = window.take(pa.array(chosen))
        missing += some[column].null_count
        present = some.filter(pc.is_valid(some[column]))
        places = present["path"].to_pylist() if "path" in present.schema.names else [None] * present.num_rows
        for path, reason in zip(places, pool.map(partial(_reason, form), present[column].to_pylist()), strict=True):
            if reason is not None:
                count += 1
                if len(named) < _NAMED:
                    named.append(f"{path or f'image {count}'} {reason}")
    if missing:
        yield (
            f"{missing:,} of {len(kept):,} rows have no `{column}`. Take them out: clean: {{ {column}: {{ missing: drop }} }}."
        )
    if count:
        more = f", and {count - len(named):,} more" if count > len(named) else ""
        yield f"{count:,} of {len(kept):,} images of `{column}` cannot be used: {'; '.join(named)}{more}. Restore these files, or take them out in the SQL."


def _reason(form: ImageForm, content: bytes) -> str | None:
    try:
        decode_image(content, form)
    except ImageError as error:
        return str(error)
    return None
