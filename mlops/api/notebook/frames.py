"""Take rows in the form that a notebook has them in, and give answers back in the same form.

Lives here: rows_of, like_frame, require_arrow.
Not here: judging rows (workloads.serving).
Law: no data frame library is imported; a frame is known by what it can do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any

from mlops.errors import MlopsError

_Row = Mapping[str, Any]


def require_arrow() -> ModuleType:
    """Return pyarrow. Raises MlopsError where it is not installed."""
    try:
        import pyarrow
    except ImportError as error:
        raise MlopsError.of(
            "package is missing",
            "Frames need pyarrow, which is not installed here. Install the extra: pip install 'mlops[notebook]'",
        ) from error
    return pyarrow  # type: ignore[no-any-return]


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """Return the rows of a mapping (one row), a list of mappings, an Arrow table, a pandas or a polars frame, or whatever else
    gives Arrow data, as JSON writes them. Raises MlopsError for anything else."""
    match frame:
        case Mapping():
            rows: Sequence[_Row] = [frame]
        case list() | tuple() if all(isinstance(row, Mapping) for row in frame):
            rows = frame
        case _ if hasattr(frame, "to_pylist"):
            rows = frame.to_pylist()
        case _ if hasattr(frame, "iloc") and hasattr(frame, "columns"):
            rows = require_arrow().Table.from_pandas(frame, preserve_index=False).to_pylist()
        case _ if hasattr(frame, "__arrow_c_stream__"):
            rows = require_arrow().table(frame).to_pylist()
        case _:
            raise MlopsError.of(
                "no rows",
                f"Rows cannot be read from an object of type {type(frame).__name__}. Give a pandas or polars frame, an Arrow "
                "table, a list of mappings from column to value, or one such mapping.",
            )
    if not rows:
        raise MlopsError.of("no rows", "The frame is empty. Give at least one row.")
    return [{str(column): _plain(value) for column, value in row.items()} for row in rows]


def like_frame(frame: Any, answers: Sequence[_Row]) -> Any:
    """Return the answers as `frame` is: a frame of its type, with its index where it has one. A mapping inside an answer becomes
    columns `NAME.KEY` of a frame."""
    if isinstance(frame, Mapping):
        return answers[0]
    if isinstance(frame, list | tuple):
        return list(answers)
    columns = _columns(answers)
    if hasattr(frame, "iloc") and hasattr(frame, "index"):
        return type(frame)(columns, index=frame.index)
    if hasattr(frame, "to_pylist") or not hasattr(frame, "columns"):
        return require_arrow().table(columns)
    try:
        return type(frame)(columns)
    except (TypeError, ValueError):
        return require_arrow().table(columns)


def _columns(answers: Sequence[_Row]) -> dict[str, list[Any]]:
    flat = [
        {
            path: inner
            for name, value in row.items()
            for path, inner in (
                ((f"{name}.{key}", one) for key, one in value.items())
                if isinstance(value, Mapping)
                else ((name, value),)
            )
        }
        for row in answers
    ]
    return {name: [row.get(name) for row in flat] for name in (flat[0] if flat else {})}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: what is no number is null, a time is text."""
    if isinstance(value, float):
        return None if value != value else float(value)
    match value:
        case None | bool() | int() | str():
            return value
        case dt.datetime() | dt.date():
            return None if str(value) == "NaT" else value.isoformat()
        case Decimal():
            return float(value)
        case _ if hasattr(value, "item"):
            return _plain(value.item())
    return value
