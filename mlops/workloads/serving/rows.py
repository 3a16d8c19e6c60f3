"""Read the rows of a request.

Lives here: RowReader, which checks bodies against the contract; BadRows, which names every bad row and column; what is said of it.
Not here: answering (app), running the model (model), one value (values).
Law: what the fast path refuses, the slow path either accepts or explains; a bad row never reaches the model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlops.contracts.names import MISSING_INT
from mlops.workloads.features.images import ImageForm
from mlops.workloads.serving.images import image_problem
from mlops.workloads.serving.seen_values import OutsidePlace, RowRules
from mlops.workloads.serving.structure import LARGE, Structure, structure_of
from mlops.workloads.serving.values import FAST_TYPES, nearest, shortened, value_problem
from mlops.workloads.vector_answer import label_columns

RequestRow = tuple[Any, ...]
JudgedRows = tuple[list[RequestRow], Sequence[OutsidePlace]]
"""Rows, and what of them lies outside of what training saw."""
NOTHING_OUTSIDE: Sequence[OutsidePlace] = ()
_astuple = msgspec.structs.astuple
_MOST_PROBLEMS = 20
_MOST_DEPTH = 32
_SPARE_VALUES = 1_000


class BadRows(Exception):
    """`problems`: {row, column, problem}; `row` counts from 0, and is None for the body as a whole."""

    close = False
    """Whether the connection must end with the answer."""

    def __init__(self, problems: list[dict[str, Any]], status: int = 422) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems, self.status = problems, status


class RowReader:
    """Reads the rows of requests. `contract`: contract.json. `most`: the most rows of one request. `api`: api.json."""

    def __init__(self, contract: dict[str, Any], most: int, api: dict[str, Any] | None = None) -> None:
        self.columns = [(column["name"], column["type"], column["nullable"]) for column in contract["columns"]]
        self._forms = {column["name"]: ImageForm.of(column) for column in contract["columns"] if "image" in column}
        self.has_images = bool(self._forms)
        """Whether reading a row takes long, and happens beside the event loop."""
        self._names = {name for name, _, _ in self.columns}
        self._known = {*contract.get("known", ()), *label_columns(contract)}
        self.most_columns = 2 * (len(self.columns) + len(self._known))
        """How many columns are looked at in a request by columns, so that a wrong name among the right ones is told."""
        self._most = most
        # A tensor may hold each value in a list of its own, so a value counts twice.
        self._most_values = (most + 1) * 2 * (len(self.columns) + len(self._known) + 1) + _SPARE_VALUES
        self._rules = RowRules(contract["columns"], api or {})
        plain = [(FAST_TYPES[kind] | None, False) for _, kind, _ in self.columns]
        self._plain = self._decoders(plain)
        self._strict_row, self._strict_rows = self._decoders(self._rules.strict_types())
        self._empty = self._rules.empty
        self._is_fast = all(
            kind not in ("date", "timestamp", "image") and nullable for _, kind, nullable in self.columns
        )

    def _decoders(
        self, types: Sequence[tuple[Any, bool]]
    ) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
        """Return decoders of one row and of many. `types`: of each column, and whether it must be there."""
        rename = {f"c{index}": name for index, (name, _, _) in enumerate(self.columns)}
        fields = [
            (field, of_kind) if is_needed else (field, of_kind, None)
            for field, (of_kind, is_needed) in zip(rename, types, strict=True)
        ]
        row = msgspec.defstruct("Row", fields, rename=rename, forbid_unknown_fields=True, gc=False, kw_only=True)
        rows = msgspec.defstruct("Rows", [("rows", list[row])], forbid_unknown_fields=True)  # type: ignore[valid-type]
        return msgspec.json.Decoder(row), msgspec.json.Decoder(rows)

    def read_judged(self, body: bytes) -> JudgedRows:
        """Return the rows of a body, and what of them lies outside of what training saw. Raises BadRows, also where the rules of
        the interface refuse a row."""
        # What `_is_plain` and `_decoded` do, without their calls: this runs for every request.
        if self._is_fast and len(body) <= LARGE and not (b"\\" in body and b"\\u0000" in body):
            try:
                if body.startswith(b'{"rows"'):
                    rows = [_astuple(row) for row in self._strict_rows.decode(body).rows]
                    if 0 < len(rows) <= self._most and self._empty not in rows:
                        return rows, NOTHING_OUTSIDE
                else:
                    row = _astuple(self._strict_row.decode(body))
                    if row != self._empty:
                        return [row], NOTHING_OUTSIDE
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass
        return self.judge(self.read(body))

    def read(self, body: bytes) -> list[RequestRow]:
        """Return the rows of a body. Raises BadRows."""
        if len(body) > LARGE:
            self._limit(body, self._most)
        if self._is_plain(body):
            rows = self._decoded(body)
            if rows is not None:
                return rows
        return self.check(decode_json(body))

    def _is_plain(self, body: bytes) -> bool:
        """Say whether decoders can be asked: they know no dates and images, and let U+0000 through."""
        return self._is_fast and not (b"\\" in body and b"\\u0000" in body)  # one byte is found faster

    def _decoded(self, body: bytes) -> list[RequestRow] | None:
        """Return the rows, or None where the decoders do not take them."""
        one, many = self._plain
        try:
            if body.startswith(b'{"rows"'):
                rows = [_astuple(row) for row in many.decode(body).rows]
                return rows if 0 < len(rows) <= self._most else None
            return [_astuple(one.decode(body))]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def judge(self, rows: list[RequestRow]) -> JudgedRows:
        """Return rows with what lies outside of what training saw. Raises BadRows where the rules refuse them."""
        problems = self._rules.missing(rows)
        outside = self._rules.outliers(rows)
        if problems or (outside and self._rules.outside == "refuse"):
            raise BadRows((problems + outside)[:_MOST_PROBLEMS])
        return rows, outside

    def read_columns(self, body: bytes) -> Any:
        """Return what a body of JSON holds in which rows stand by columns. Raises BadRows."""
        if len(body) > LARGE:
            self._limit(body, _SPARE_VALUES)
        return decode_json(body)

    def read_rows(self, body: bytes) -> Any:
        """Return what a body of JSON holds in which each row is an object. Raises BadRows."""
        if len(body) > LARGE:
            self._limit(body, self._most + _SPARE_VALUES)
        return decode_json(body)

    def _limit(self, body: bytes, objects: int) -> None:
        """Refuse a large body that holds more than rows need, before an object is made of it. `objects`: the most of them in it."""
        most = Structure(_MOST_DEPTH, objects + 1, self._most_values)
        structure = structure_of(body, most)
        if structure.depth > most.depth:
            raise whole(f"not JSON that is read here: nested more than {_MOST_DEPTH} deep", 400)
        if structure.objects > most.objects:
            raise whole(f"more than {objects:,} objects, and a request may have {self._most:,} rows", 413, "rows")
        if structure.values > most.values:
            raise whole(f"more values than {self._most:,} rows can have, which a request may have", 413, "rows")

    def check(self, request: Any) -> list[RequestRow]:
        """Return the rows of a body that was decoded already. Raises BadRows with every problem, up to twenty."""
        rows = request["rows"] if isinstance(request, dict) and "rows" in request else [request]
        if not isinstance(rows, list) or not rows:
            raise whole("must be a list with at least one row", 422, "rows")
        if len(rows) > self._most:
            raise whole(f"{len(rows):,} rows, and a request may have {self._most:,}", 413, "rows")
        problems: list[dict[str, Any]] = []
        checked: list[RequestRow] = []
        for index, row in enumerate(rows):
            checked.append(self._row(index, row, problems))
            if len(problems) >= _MOST_PROBLEMS:
                break
        if problems:
            raise BadRows(problems[:_MOST_PROBLEMS])
        return checked

    def _row(self, index: int, row: Any, problems: list[dict[str, Any]]) -> RequestRow:
        if not isinstance(row, dict):
            problems.append({"row": index, "column": None, "problem": "a row is an object of column: value"})
            return ()
        for name in (name for name in row if name not in self._names):
            if len(problems) >= _MOST_PROBLEMS:
                return ()
            problem = self._beside(name, row[name])
            if problem:
                problems.append({"row": index, "column": shortened(name), "problem": problem})
        kept: list[Any] = []
        for name, kind, nullable in self.columns:
            value = row.get(name)
            if value is None:
                if not nullable:
                    problems.append({"row": index, "column": name, "problem": "is missing, and must not be"})
                kept.append(None)
                continue
            form = self._forms.get(name)
            problem, value = value_problem(kind, value) if form is None else image_problem(form, value)
            if problem:
                problems.append({"row": index, "column": name, "problem": problem})
            kept.append(value)
        return tuple(kept)

    def _beside(self, name: str, value: Any) -> str | None:
        """Return what is wrong with a value that is no input of the model."""
        if name in self._known:
            return "must be one value, and is a list or an object" if isinstance(value, list | dict) else None
        return f"is no column of the model{nearest(name, self._names)}"

    def inputs(self, rows: Sequence[RequestRow]) -> dict[str, npt.NDArray[Any]]:
        """Return what the model takes: `[N, 1]` for each column, of images `[N, C, H, W]`."""
        inputs: dict[str, npt.NDArray[Any]] = {}
        count = len(rows)
        for (name, kind, _), values in zip(self.columns, zip(*rows, strict=True), strict=True):
            if kind == "string":
                texts = np.empty((count, 1), dtype=object)
                texts[:, 0] = ["" if value is None else value for value in values]
                inputs[name] = texts
            elif kind == "image":
                inputs[name] = np.stack(values)
            elif kind in ("date", "timestamp"):
                whole_numbers = [MISSING_INT if value is None else value for value in values]
                inputs[name] = np.array(whole_numbers, dtype=np.int64).reshape(count, 1)
            else:
                inputs[name] = np.array(values, dtype=np.float64).reshape(count, 1)
        return inputs


def whole(problem: str, status: int, column: str | None = None) -> BadRows:
    """Return the refusal of a whole body."""
    return BadRows([{"row": None, "column": column, "problem": problem}], status)


def decode_json(body: bytes) -> Any:
    """Return what a body of JSON holds; NaN, Infinity and numbers beyond a double are no JSON here. Raises BadRows."""
    try:
        return msgspec.json.decode(body)
    except RecursionError as error:
        raise whole("not JSON that is read here: nested too deeply", 400) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise whole(f"not JSON: {error}", 400) from error


def refusal_of(error: BadRows, sentence: str = "invalid rows") -> bytes:
    """Return the body of an answer that refuses rows."""
    text = json.dumps({"error": sentence, "problems": error.problems}, ensure_ascii=False)
    return text.encode(errors="replace")


def sentence_of(error: BadRows) -> str:
    """Return the one problem of a body as a whole, or that there are bad rows."""
    first = error.problems[0]
    if first["row"] is not None:
        return "invalid rows"
    return f"{first['column']}: {first['problem']}" if first["column"] else str(first["problem"])
