"""Turn bodies into columns.

Lives here: RowReader, made from a contract: a fast decoder, and a slow one that names every bad row and column.
Not here: answering (app), running the model (model).
Law: what the fast path refuses, the slow path either accepts or explains; a bad row never reaches the model.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

RequestRow = tuple[Any, ...]
_MOST_PROBLEMS = 20
_MISSING_INT = int(np.iinfo(np.int64).min)
_EPOCH = dt.date(1970, 1, 1)
_TYPES: dict[str, Any] = {
    "bool": bool | None, "int": int | None, "float": float | None, "string": str | None, "date": str | None,
    "timestamp": str | None,
}  # fmt: skip
_WORDS = {
    "bool": "true or false", "int": "a whole number", "float": "a number", "string": "text",
    "date": "a date such as 2013-12-31", "timestamp": "a time such as 2013-12-31T06:00:00",
}  # fmt: skip


class BadRows(Exception):
    """`problems`: {row, column, problem}; `row` counts from 0, and is None for the body as a whole."""

    def __init__(self, problems: list[dict[str, Any]], status: int = 422) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems, self.status = problems, status


class RowReader:
    """Reads the rows of requests. `contract`: contract.json. `most`: the most rows of one request."""

    def __init__(self, contract: dict[str, Any], most: int) -> None:
        self.columns = [(column["name"], column["type"], column["nullable"]) for column in contract["columns"]]
        self._known = {*contract.get("known", ()), contract["label"]}
        self._most = most
        names = [f"c{index}" for index in range(len(self.columns))]
        fields = [(name, _TYPES[kind], None) for name, (_, kind, _) in zip(names, self.columns, strict=True)]
        rename = {name: column for name, (column, _, _) in zip(names, self.columns, strict=True)}
        row = msgspec.defstruct("Row", fields, rename=rename, forbid_unknown_fields=True, gc=False)
        rows = msgspec.defstruct("Rows", [("rows", list[row])], forbid_unknown_fields=True)  # type: ignore[valid-type]
        self._one = msgspec.json.Decoder(row)
        self._many = msgspec.json.Decoder(rows)
        self._plain = all(kind not in ("date", "timestamp") for _, kind, _ in self.columns)
        self._strict = any(not nullable for _, _, nullable in self.columns)

    def read(self, body: bytes) -> list[RequestRow]:
        """Return the rows of a body. Raises BadRows."""
        if self._plain and not self._strict:
            try:
                if body.startswith(b'{"rows"'):
                    request: Any = self._many.decode(body)
                    rows = [msgspec.structs.astuple(row) for row in request.rows]
                    if 0 < len(rows) <= self._most:
                        return rows
                else:
                    return [msgspec.structs.astuple(self._one.decode(body))]
            except (msgspec.MsgspecError, UnicodeDecodeError):
                pass
        return self._slow(body)

    def _slow(self, body: bytes) -> list[RequestRow]:
        try:
            request = msgspec.json.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadRows([{"row": None, "column": None, "problem": f"not JSON: {error}"}], 400) from error
        return self.check(request)

    def check(self, request: Any) -> list[RequestRow]:
        """Return the rows of a body that was decoded already. Raises BadRows with every problem, up to twenty."""
        rows = request["rows"] if isinstance(request, dict) and "rows" in request else [request]
        if not isinstance(rows, list) or not rows:
            raise BadRows([{"row": None, "column": "rows", "problem": "must be a list with at least one row"}])
        if len(rows) > self._most:
            problem = f"{len(rows):,} rows, and a request may have {self._most:,}"
            raise BadRows([{"row": None, "column": "rows", "problem": problem}], 413)
        problems: list[dict[str, Any]] = []
        out = [self._row(index, row, problems) for index, row in enumerate(rows)]
        if problems:
            raise BadRows(problems[:_MOST_PROBLEMS])
        return out

    def _row(self, index: int, row: Any, problems: list[dict[str, Any]]) -> RequestRow:
        if not isinstance(row, dict):
            problems.append({"row": index, "column": None, "problem": "a row is an object of column: value"})
            return ()
        names = {name for name, _, _ in self.columns}
        for name in row.keys() - names - self._known:
            problems.append({"row": index, "column": name, "problem": _unknown(name, names)})
        out: list[Any] = []
        for name, kind, nullable in self.columns:
            value = row.get(name)
            if value is None:
                if not nullable:
                    problems.append({"row": index, "column": name, "problem": "is missing, and must not be"})
                out.append(None)
                continue
            fits, kept = _fit(kind, value)
            if not fits:
                shown = json.dumps(value, ensure_ascii=False)[:60]
                problems.append({"row": index, "column": name, "problem": f"must be {_WORDS[kind]}, and is {shown}"})
            out.append(kept)
        return tuple(out)

    def inputs(self, rows: Sequence[RequestRow]) -> dict[str, npt.NDArray[Any]]:
        """Return what the model takes: `[N, 1]` for each column."""
        out: dict[str, npt.NDArray[Any]] = {}
        count = len(rows)
        for (name, kind, _), values in zip(self.columns, zip(*rows, strict=True), strict=True):
            if kind == "string":
                texts = np.empty((count, 1), dtype=object)
                texts[:, 0] = ["" if value is None else value for value in values]
                out[name] = texts
            elif kind in ("date", "timestamp"):
                whole = [_MISSING_INT if value is None else value for value in values]
                out[name] = np.array(whole, dtype=np.int64).reshape(count, 1)
            else:
                out[name] = np.array(values, dtype=np.float64).reshape(count, 1)
        return out


def _fit(kind: str, value: Any) -> tuple[bool, Any]:
    match kind:
        case "bool":
            return isinstance(value, bool), value
        case "int":
            whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
            return whole, value
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool), value
        case "string":
            return isinstance(value, str), value
    try:
        if kind == "date":
            return True, (dt.date.fromisoformat(value) - _EPOCH).days
        moment = dt.datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return True, (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    except (ValueError, TypeError):
        return False, None


def _unknown(name: str, names: set[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, names, 1, 0.6)
    return f"is no column of the model{f'; did you mean {near[0]}?' if near else ''}"
