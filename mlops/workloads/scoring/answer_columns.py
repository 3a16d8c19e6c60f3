"""Make columns of predictions.

Lives here: AnswerColumns.
Not here: computing them (scorer), the JSON of an answer (serving.answer).
Law: a column holds what the endpoint's answer says of the row, under the answer's name; what is predicted of a label is called
predicted_LABEL, since the rows may hold the label itself.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mlops.workloads.answer_row import answer_row
from mlops.workloads.serving.answer import AnswerWriter
from mlops.workloads.vector_answer import label_columns

_EVEN = 0.5


class AnswerColumns:
    """Makes the columns of one model's predictions. `threshold`: as AnswerWriter takes it. `schema`: of the columns."""

    def __init__(self, contract: dict[str, Any], threshold: float | None) -> None:
        self._task = contract["task"]
        self._threshold = float(contract.get("threshold", _EVEN) if threshold is None else threshold)
        self._own_row = answer_row(contract, self._threshold)
        self._labels = label_columns(contract)
        self._classes = contract["classes"]
        self._writer = AnswerWriter(contract, "", threshold)
        self._width = len(self._classes or ())
        self.schema = self._schema(contract)

    def _schema(self, contract: dict[str, Any]) -> pa.Schema:
        label = self._named(self._labels[0]) if self._labels else ""
        match self._task:
            case "binary":
                return pa.schema([("probability", pa.float64()), (label, _class_type(self._classes))])
            case "regression":
                return pa.schema([(label, pa.float64())])
            case "multiclass":
                names = json.loads(self._writer.write([None]))["predictions"][0]["probabilities"]
                each = pa.struct([(name, pa.float64()) for name in names])
                return pa.schema([(label, _class_type(self._classes)), ("probabilities", each)])
        row = contract_row(self._own_row)
        return pa.schema([(self._named(name), _type_of(shape)) for name, shape in row["properties"].items()])

    def _named(self, name: str) -> str:
        return f"predicted_{name}" if name in self._labels else name

    def columns(self, predictions: npt.NDArray[Any] | None, count: int) -> list[pa.Array]:
        """Return a column for each field of `schema`; what is no finite number is null."""
        if predictions is None or count == 0:
            return [pa.nulls(0, field.type) for field in self.schema]
        match self._task:
            case "binary":
                return self._binary(predictions.reshape(count).astype(np.float64))
            case "regression":
                values = predictions.reshape(count).astype(np.float64)
                return [pa.array(values, mask=~np.isfinite(values))]
            case "multiclass":
                return self._multiclass(predictions.astype(np.float64))
        return self._rows(predictions)

    def _binary(self, values: npt.NDArray[np.float64]) -> list[pa.Array]:
        missing = ~np.isfinite(values)
        with np.errstate(invalid="ignore"):
            chosen = (values >= self._threshold).astype(np.int32)
        return [pa.array(values, mask=missing), self._class(chosen, missing)]

    def _multiclass(self, values: npt.NDArray[np.float64]) -> list[pa.Array]:
        missing: npt.NDArray[np.bool_] = np.asarray(~np.isfinite(values).all(axis=1))
        best = np.argmax(np.where(missing[:, None], 0.0, values), axis=1).astype(np.int32)
        each = [pa.array(values[:, place], mask=missing) for place in range(values.shape[1])]
        kind = self.schema.field("probabilities").type
        return [self._class(best, missing), pa.StructArray.from_arrays(each, fields=list(kind))]

    def _class(self, places: npt.NDArray[np.int32], missing: npt.NDArray[np.bool_]) -> pa.Array:
        classes = pa.array(self._classes, _class_type(self._classes))
        return classes.take(pa.array(places, mask=missing))

    def _rows(self, predictions: npt.NDArray[Any]) -> list[pa.Array]:
        """Read the answer of each row, for tasks whose answer is more than a number or a class."""
        finite = np.isfinite(predictions).reshape(len(predictions), -1).all(axis=1)
        values = [one if fine else None for one, fine in zip(predictions.tolist(), finite, strict=True)]
        assert self._own_row is not None
        rows = [json.loads(self._own_row.write(value)) for value in values]
        named = [{self._named(name): value for name, value in row.items()} for row in rows]
        return [pa.array([row.get(field.name) for row in named], field.type) for field in self.schema]


def contract_row(row: Any) -> dict[str, Any]:
    """Return the JSON Schema of the row of an answer."""
    schema: dict[str, Any] = row.schema()
    return schema


def _class_type(classes: Any) -> pa.DataType:
    inferred: pa.DataType = pa.array(classes).type
    return inferred


def _type_of(schema: dict[str, Any]) -> pa.DataType:
    """Return the type of Arrow that a JSON Schema of an answer's row describes."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = next(one for one in kinds if one != "null")
    match kind:
        case "array":
            return pa.list_(_type_of(schema["items"]))
        case "object":
            return pa.struct([(name, _type_of(inner)) for name, inner in schema["properties"].items()])
    return {"boolean": pa.bool_(), "integer": pa.int64(), "string": pa.string()}.get(kind, pa.float64())
