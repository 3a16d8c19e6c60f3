"""Make windows of series.

Lives here: windowed, the SQL that makes them; check_windows; without_overlap, which keeps splits apart.
Not here: what a window may say (config.schema.window).
Law: a window sees nothing newer than its last time; no value that a later split measures is learned from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from mlops.config.schema.dataset import Dataset
from mlops.workloads.data.rows import Rows
from mlops.workloads.data.splits.split import NAMES, Numbers
from mlops.workloads.data.sql_text import literal, quoted
from mlops.workloads.stage import failed


def windowed(sql: str, dataset: Dataset) -> str:
    """Return the SQL of a data set with its windows, on as many lines before the SQL as it had."""
    window, label = dataset.window, dataset.label
    if window is None or not isinstance(label, str):
        return sql
    made = [f"* EXCLUDE ({quoted(label)})"]
    for column in (label, *window.beside):
        for name, step in zip(window.past_columns(column), range(window.past - 1, -1, -1), strict=True):
            made.append(f"lag({quoted(column)}, {step}) OVER steps AS {quoted(name)}")
    ahead = [f"lead({quoted(label)}, {step}) OVER steps" for step in range(1, window.ahead + 1)]
    made += [f"{one} AS {quoted(name)}" for one, name in zip(ahead, window.ahead_columns(label), strict=True)]
    made.append(f"lead({quoted(window.time)}, {window.ahead}) OVER steps AS {quoted(window.until)}")
    series, time = ", ".join(map(quoted, window.series)), quoted(window.time)
    by = f"PARTITION BY {series} " if series else ""
    same = ", ".join(map(quoted, (*window.series, window.time)))
    where = f" of a series ({', '.join(window.series)})" if series else ""
    twice = literal(f"`window`: two rows{where} have one `{window.time}`, or none; keep one of them in the SQL")
    whole = " AND ".join(
        [f"row_number() OVER steps >= {window.past}", *(f"{one} IS NOT NULL" for one in ahead),
         f"CASE WHEN {time} IS NULL OR count(*) OVER (PARTITION BY {same}) > 1 THEN error({twice}) ELSE true END"]
    )  # fmt: skip
    return f"SELECT {', '.join(made)} FROM ({sql}\n) WINDOW steps AS ({by}ORDER BY {time}) QUALIFY {whole}"  # noqa: S608


def check_windows(rows: Rows, dataset: Dataset) -> Iterator[str]:
    """Yield what makes the windows of no use."""
    if dataset.window is None:
        return
    kind = rows.schema.field(dataset.labels[0]).type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        yield f"`{dataset.label}` has type {kind}, and forecasts are numbers. Cast it in the SQL."
    if rows.num_rows == 0:
        yield (
            f"No series has the {dataset.window.past + dataset.window.ahead} rows of one window. Ask for fewer, with `past` and "
            "`ahead` of `window`, or read more."
        )


def without_overlap(rows: Rows, numbers: Mapping[str, Numbers], dataset: Dataset) -> dict[str, Numbers]:
    """Return the splits without the windows that reach into a later split. Raises MlopsError where none is left."""
    if dataset.window is None:
        return dict(numbers)
    begins, ends = (_times(rows, name) for name in (dataset.window.time, dataset.window.until))
    kept = dict(numbers)
    for place, name in enumerate(NAMES):
        later = [begins[numbers[other]].min() for other in NAMES[place + 1 :] if len(numbers[other])]
        if later:
            kept[name] = numbers[name][ends[numbers[name]] < min(later)]
        if len(numbers[name]) and not len(kept[name]):
            raise failed(
                "empty split",
                f"Every window of {name} reaches into a later split: it forecasts {dataset.window.ahead} rows, and {name} is not "
                "longer than that. Give it more time under `split`, or forecast fewer rows.",
            )
    return kept


def _times(rows: Rows, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    column = rows[name]
    whole = column.cast(pa.int32()) if pa.types.is_date(column.type) else column
    values: np.ndarray[tuple[int], np.dtype[np.int64]] = whole.cast(pa.int64()).to_numpy()
    return values
