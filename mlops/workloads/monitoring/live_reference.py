"""Find out how a model did on rows that it did not learn from.

Lives here: live_reference, made once with the baseline.
Not here: comparing late labels with it (live), estimating with it (estimate).
Law: misses are those of the test split; how often a confidence is right is that of the validation split; labels are those of the
training split, in the order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import structs

from mlops.contracts.calibration import ColumnBins, WindowCalibration
from mlops.contracts.live import LiveReference
from mlops.metrics.task import Task
from mlops.workloads.label_values import LabelError, LabelValues
from mlops.workloads.monitoring.binning import Binner, as_column
from mlops.workloads.monitoring.calibrate import calibrate
from mlops.workloads.monitoring.estimate import ESTIMATED
from mlops.workloads.monitoring.pairs import (
    BLOCK,
    Pairs,
    arrays_of,
    blocks_of_misses,
    dispersion_of,
    misses_of,
    pair_losses,
)
from mlops.workloads.monitoring.predicted import confidence_column

LABEL_CONTENT = "(label)"
_MOST_ROWS = 100_000
_MISS_ABOVE = 0.8
Answers = Callable[[pa.Table], list[Any]]
"""Returns what the model says of rows, raw."""


def live_reference(
    contract: dict[str, Any],
    folder: Path,
    answers: Answers,
    bins: Mapping[str, ColumnBins],
    training: pa.Table,
    in_time: Callable[[pa.Table], pa.Table],
) -> LiveReference | None:
    """Return how the model did; None where the data set has no labels that answers could be held against. `folder`: of the
    splits. `bins`: column -> bins of the calibration. `training`: its rows in the order of time, which
    `in_time` brings others into."""
    task = Task(contract["task"])
    test = _pairs(contract, folder / "test.parquet", answers, in_time)
    if task is Task.FORECASTING or not test:
        return None
    truth, predicted = arrays_of(contract, [(value, label) for value, label, _ in test])
    limit = None
    if task in (Task.REGRESSION, Task.QUANTILE, Task.MULTILABEL) and len(truth):
        limit = float(np.quantile(pair_losses(task, truth, predicted), _MISS_ABOVE))
    blocks = blocks_of_misses(task, truth, predicted, limit)
    misses, trials = (sum(one[place] for one in blocks) for place in (0, 1))
    reference = LiveReference(
        misses=misses, trials=trials, dispersion=round(dispersion_of(blocks), 4), limit=limit, labels=_label_windows(contract, training),
    )  # fmt: skip
    column = confidence_column(contract)
    if task not in ESTIMATED or column not in bins:
        return reference
    return _with_confidence(
        reference, contract, bins[column], _pairs(contract, folder / "val.parquet", answers, in_time)
    )


def label_kind(contract: dict[str, Any]) -> str | None:
    """Return as what labels are compared; None where they are more than one value a row."""
    match Task(contract["task"]):
        case Task.BINARY | Task.MULTICLASS:
            return "text"
        case Task.REGRESSION | Task.QUANTILE:
            return "number"
        case _:
            return None


def label_column(contract: dict[str, Any], labels: Sequence[Any]) -> Any:
    """Return labels as a column that is compared."""
    kind = label_kind(contract)
    return as_column([str(label) if kind == "text" else label for label in labels], kind or "text")


def _pairs(
    contract: dict[str, Any], path: Path, answers: Answers, in_time: Callable[[pa.Table], pa.Table]
) -> list[tuple[Any, Any, Any]]:
    """Return answer, label and raw answer of the rows of a split, in the order of time: of all, or of blocks that are evenly spread;
    those without a label that fits are left out."""
    try:
        table = in_time(pq.read_table(path))
    except FileNotFoundError:
        return []
    if table.num_rows > _MOST_ROWS:
        starts = np.linspace(0, table.num_rows - BLOCK, _MOST_ROWS // BLOCK).astype(np.int64)
        table = table.take((starts[:, None] + np.arange(BLOCK)).ravel())
    labels = _labels(contract, table)
    if not any(label is not None for label in labels):
        return []
    classes = [str(name) for name in contract.get("classes") or []]
    is_multiclass = contract["task"] == Task.MULTICLASS
    pairs = []
    for raw, label in zip(answers(table), labels, strict=True):
        if label is not None:
            pairs.append((classes[int(np.argmax(raw))] if is_multiclass else raw, label, raw))
    return pairs


def _labels(contract: dict[str, Any], table: pa.Table) -> list[Any]:
    named = contract.get("label")
    names = [named] if isinstance(named, str) else list(named or ())
    if not names or not set(names) <= set(table.column_names):
        return []
    values = LabelValues(contract)
    columns = [table[name].to_pylist() for name in names]
    found: list[Any] = []
    for row in zip(*columns, strict=True):
        given = dict(zip(names, row, strict=True)) if len(names) > 1 else row[0]
        try:
            found.append(values.read(given)[0])
        except LabelError:
            found.append(None)
    return found


def _label_windows(contract: dict[str, Any], training: pa.Table) -> WindowCalibration | None:
    kind = label_kind(contract)
    labels = [label for label in _labels(contract, training) if label is not None] if kind else []
    return (
        calibrate({LABEL_CONTENT: label_column(contract, labels)}, {LABEL_CONTENT: kind}) if labels and kind else None
    )


def _with_confidence(
    reference: LiveReference, contract: dict[str, Any], bins: ColumnBins, pairs: list[tuple[Any, Any, Any]]
) -> LiveReference:
    binner = Binner(bins)
    second = contract["classes"][1] if contract["task"] == Task.BINARY else None
    scores = as_column([float(np.max(raw)) for _, _, raw in pairs], "number")
    right = np.array(
        [label == second if second is not None else value == label for value, label, _ in pairs], dtype=bool
    )
    codes = binner.codes(scores)
    seen = np.bincount(codes, minlength=binner.count)
    hits = np.bincount(codes[right], minlength=binner.count)
    return structs.replace(
        reference, bins=structs.replace(bins, grid=None, counts=tuple(seen.tolist())), right=tuple(hits.tolist())
    )


def misses_in(contract: dict[str, Any], pairs: Pairs, reference: LiveReference) -> tuple[float, float]:
    """Return misses and trials of pairs, counted as those of the reference."""
    truth, predicted = arrays_of(contract, pairs)
    return misses_of(Task(contract["task"]), truth, predicted, reference.limit) if len(truth) else (0.0, 0.0)
