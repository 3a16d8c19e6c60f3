"""Give the model columns of its types.

Lives here: TypedColumns, which turns rows of Arrow into what the model takes, and names every row that does not fit.
Not here: judging one value (serving.values), reading rows (input_rows).
Law: a row that a request would be refused for is set aside here too, with the same words; the fast path of a column and the
slow one, value by value, agree.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mlops.contracts.names import MISSING_INT
from mlops.workloads.features.images import ImageError, ImageForm, decode_image
from mlops.workloads.serving.images import image_problem
from mlops.workloads.serving.values import value_problem
from mlops.workloads.stage import failed

Inputs = dict[str, npt.NDArray[Any]]
_Column = tuple[npt.NDArray[Any], dict[int, str]]
"""What the model takes, and what is wrong with the values of rows."""
_INT64 = 2**63
_MISSING = "is missing, and must not be"
_SPELLED = ("bool", "int", "float")
_WORDS = {
    "bool": "true or false", "int": "whole numbers", "float": "numbers", "string": "text", "date": "dates",
    "timestamp": "timestamps", "image": "images",
}  # fmt: skip
_SQL = {
    "bool": "BOOLEAN",
    "int": "BIGINT",
    "float": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


_FITS: dict[str, Callable[[pa.DataType], bool]] = {
    "bool": lambda kind: pa.types.is_boolean(kind) or _is_text(kind),
    "int": lambda kind: _is_number(kind) or _is_text(kind), "float": lambda kind: _is_number(kind) or _is_text(kind),
    "string": _is_text,
    "date": lambda kind: pa.types.is_date(kind) or _is_text(kind),
    "timestamp": lambda kind: pa.types.is_timestamp(kind) or pa.types.is_date(kind) or _is_text(kind),
    "image": lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or _is_text(kind),
}  # fmt: skip


class TypedColumns:
    """Reads the columns that a model takes. `contract`: contract.json."""

    def __init__(self, contract: Mapping[str, Any]) -> None:
        self._columns = [(one["name"], one["type"], one["nullable"]) for one in contract["columns"]]
        self._forms = {one["name"]: ImageForm.of(one) for one in contract["columns"] if "image" in one}

    def check(self, schema: pa.Schema) -> None:
        """Raise MlopsError with a sentence for each column that is not there, or of a type no value of which can fit."""
        problems = [sentence for column in self._columns if (sentence := _unfit(*column[:2], schema))]
        if problems:
            raise failed("columns do not fit", *problems)

    def inputs(self, batch: pa.RecordBatch) -> tuple[Inputs, dict[int, str]]:
        """Return what the model takes, `[N, 1]` for each column, and for rows that do not fit, what is wrong with them."""
        inputs: Inputs = {}
        problems: dict[int, str] = {}
        for name, kind, nullable in self._columns:
            column = batch[name]
            values, wrong = self._read(name, kind, column)
            if not nullable and column.null_count:
                wrong = {int(row): _MISSING for row in np.flatnonzero(pc.is_null(column))} | wrong
            inputs[name] = values if kind == "image" else values.reshape(len(column), 1)
            for row, problem in wrong.items():
                before = f"{problems[row]}; " if row in problems else ""
                problems[row] = f"{before}{name}: {problem}"
        return inputs, problems

    def _read(self, name: str, kind: str, column: pa.Array) -> _Column:
        if kind == "image":
            return self._images(self._forms[name], column)
        given = column.type
        if pa.types.is_null(given):
            return _nothing(kind, len(column)), {}
        if pa.types.is_dictionary(given):
            column = column.cast(given.value_type)
        if kind in _SPELLED and _is_text(given):
            return _by_text(kind, column)
        match kind:
            case "bool":
                return _floats(column.cast(pa.float64())), {}
            case "int" | "float":
                return _numbers(kind, column)
            case "string":
                return _texts(column)
            case _ if _is_text(given):
                return _by_value(kind, column)
            case "date":
                return _whole(column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())), {}
        return _whole(column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())), {}

    def _images(self, form: ImageForm, column: pa.Array) -> _Column:
        pixels = np.zeros((len(column), *form.shape), dtype=np.uint8)
        problems: dict[int, str] = {}
        for row, value in enumerate(column.to_pylist()):
            if value is None:
                problems[row] = _MISSING
                continue
            problem, found = _decoded(form, value)
            if problem:
                problems[row] = problem
            else:
                pixels[row] = found
        return pixels, problems


def _unfit(name: str, kind: str, schema: pa.Schema) -> str | None:
    index = schema.get_field_index(name)
    if index < 0:
        near = difflib.get_close_matches(name, schema.names, 1, 0.6)
        hint = f" Did you mean `{near[0]}`? " if near else " "
        return (
            f"The model takes `{name}`, and the rows have no such column; they have: {', '.join(schema.names)}.{hint}"
            f"Select it in `sql`; where it is not known, NULL AS {name}."
        )
    given = schema.field(index).type
    if pa.types.is_null(given) or _FITS[kind](given):
        return None
    cast = f" Cast it in `sql`: CAST({name} AS {_SQL[kind]})." if kind in _SQL else ""
    return f"`{name}` holds {given}, and the model takes {_WORDS[kind]}.{cast}"


def _nothing(kind: str, count: int) -> npt.NDArray[Any]:
    if kind == "string":
        return np.full(count, "", dtype=object)
    return np.full(count, MISSING_INT, dtype=np.int64) if kind in ("date", "timestamp") else np.full(count, np.nan)


def _floats(column: pa.Array) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return values


def _whole(column: pa.Array) -> npt.NDArray[np.int64]:
    filled = column.fill_null(MISSING_INT) if column.null_count else column
    values: npt.NDArray[np.int64] = filled.to_numpy(zero_copy_only=False)
    return values


def _numbers(kind: str, column: pa.Array) -> _Column:
    """NaN is a missing value, as it is when data are prepared; an infinite number is none."""
    values = _floats(column.cast(pa.float64(), safe=False))
    wrong = np.isinf(values)
    if kind == "int" and not pa.types.is_integer(column.type):
        with np.errstate(invalid="ignore"):
            wrong |= (values != np.floor(values)) & ~np.isnan(values)
    if kind == "int":
        wrong |= (values >= _INT64) | (values < -_INT64)
    problems = {int(row): _said(kind, column[int(row)].as_py()) for row in np.flatnonzero(wrong)}
    return values, problems


def _texts(column: pa.Array) -> _Column:
    filled = column.fill_null("") if column.null_count else column
    problems: dict[int, str] = {}
    if pc.any(pc.match_substring(filled, "\0")).as_py():
        bad = np.flatnonzero(pc.match_substring(filled, "\0").to_numpy(zero_copy_only=False))
        problems = {int(row): _said("string", column[int(row)].as_py()) for row in bad}
    values: npt.NDArray[Any] = filled.to_numpy(zero_copy_only=False)
    return values, problems


def _by_value(kind: str, column: pa.Array) -> _Column:
    """Judge dates and timestamps that are written as text, as in a request."""
    values = np.full(len(column), MISSING_INT, dtype=np.int64)
    problems: dict[int, str] = {}
    for row, text in enumerate(column.to_pylist()):
        problem, value = (None, MISSING_INT) if text is None else value_problem(kind, text)
        if problem:
            problems[row] = problem
        else:
            values[row] = value
    return values, problems


def _by_text(kind: str, column: pa.Array) -> _Column:
    """Read numbers and truths that are written as text, such as those of a CSV file that holds one text that is none."""
    values = np.full(len(column), np.nan)
    problems: dict[int, str] = {}
    for row, text in enumerate(column.to_pylist()):
        if text is None:
            continue
        problem, value = value_problem(kind, _spoken(text))
        if problem or (isinstance(value, float) and not math.isfinite(value)):
            problems[row] = problem or _said(kind, value)
        else:
            values[row] = float(value)
    return values, problems


def _spoken(text: str) -> Any:
    """Return the truth or the number that a text spells; the text itself where it spells none."""
    plain = text.strip()
    if plain.lower() in ("true", "false"):
        return plain.lower() == "true"
    for read in (int, float):
        with suppress(ValueError):
            return read(plain)
    return text


def _said(kind: str, value: Any) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "must be a number, and is infinite"
    problem, _ = value_problem(kind, value if isinstance(value, int | float | str) else float(value))
    return problem or "does not fit"


def _decoded(form: ImageForm, value: bytes | str) -> tuple[str | None, Any]:
    if isinstance(value, str):
        return image_problem(form, value)
    try:
        return None, decode_image(value, form)
    except ImageError as error:
        return str(error), None
