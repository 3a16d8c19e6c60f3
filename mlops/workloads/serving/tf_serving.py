"""Speak TensorFlow Serving's REST interface.

Lives here: TensorFlowServing, which reads requests to `:predict` by rows (`instances`) and by columns (`inputs`) and writes
their answers; the status and the metadata of a model.
Not here: its paths (app).
Law: an answer by rows is `predictions`, one by columns is `outputs`; both hold what the model's one output holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mlops.workloads.serving.foreign import ForeignAnswer, ForeignRequest, rows_of_columns
from mlops.workloads.serving.request_head import KeptHeaders
from mlops.workloads.serving.rows import RowReader, whole
from mlops.workloads.serving.seen_values import OutsidePlace
from mlops.workloads.serving.values import values_of

_SIGNATURE = "serving_default"
_TYPES = {"bool": "DT_BOOL", "int": "DT_INT64", "float": "DT_DOUBLE"}


class TensorFlowServing:
    """`most`: the most rows of one request."""

    def __init__(self, contract: dict[str, Any], version: str, reader: RowReader, most: int) -> None:
        self._contract, self._reader, self._most = contract, reader, most
        self._version = version
        self.number = version.removeprefix("v") if version[1:].isdigit() else version
        """The version as such clients write it: as a number where it has one."""

    def bases(self) -> tuple[str, ...]:
        """Return the paths of the model, without and with its version, however that is written."""
        base = f"/v1/models/{self._contract['model']}"
        return (base, *(f"{base}/versions/{version}" for version in dict.fromkeys((self.number, self._version))))

    def read(self, body: bytes, head: KeptHeaders) -> ForeignRequest:
        """Return the rows of a request. Raises BadRows."""
        request = self._reader.read_rows(body)
        if not isinstance(request, dict) or ("instances" in request) == ("inputs" in request):
            raise whole("a request has either `instances`, a list of rows, or `inputs`, values by column", 400)
        if request.get("signature_name", _SIGNATURE) != _SIGNATURE:
            raise whole(f"the model has one signature, {_SIGNATURE}", 400, "signature_name")
        if "inputs" in request:
            return ForeignRequest(self._by_columns(request["inputs"]), _writer("outputs"))
        return ForeignRequest(self._by_rows(request["instances"]), _writer("predictions"))

    def _by_rows(self, instances: Any) -> list[dict[str, Any]]:
        if not isinstance(instances, list) or not instances:
            raise whole("must be a list with at least one row", 400, "instances")
        self._limit(len(instances))
        name = self._only_column()
        rows = [
            row if (isinstance(row, dict) and "b64" not in row) or name is None else {name: row} for row in instances
        ]
        if not all(isinstance(row, dict) for row in rows):
            raise whole("each row is an object of column: value", 400, "instances")
        return [{column: _value(value) for column, value in row.items()} for row in rows]

    def _by_columns(self, inputs: Any) -> list[dict[str, Any]]:
        name = self._only_column()
        columns = {name: inputs} if isinstance(inputs, list) and name is not None else inputs
        if not isinstance(columns, dict) or not columns or not all(isinstance(v, list) for v in columns.values()):
            raise whole("must be an object of column: list of values", 400, "inputs")
        counts = {len(values) for values in columns.values()}
        if len(counts) != 1 or 0 in counts:
            raise whole(f"the columns have different numbers of rows, or none: {sorted(counts)[:10]}", 400, "inputs")
        self._limit(max(counts))
        return rows_of_columns({column: [_value(v) for v in values_of(given)] for column, given in columns.items()})

    def _only_column(self) -> str | None:
        """Return the name of the column that needs none, since there is no other."""
        columns = self._contract["columns"]
        return columns[0]["name"] if len(columns) == 1 else None

    def _limit(self, count: int) -> None:
        if count > self._most:
            raise whole(f"{count:,} rows, and a request may have {self._most:,}", 413, "rows")

    def status(self) -> dict[str, Any]:
        fine = {"error_code": "OK", "error_message": ""}
        return {"model_version_status": [{"version": self.number, "state": "AVAILABLE", "status": fine}]}

    def metadata(self) -> dict[str, Any]:
        def tensor(name: str, kind: str, shape: list[int]) -> dict[str, Any]:
            return {
                "dtype": kind, "name": name,
                "tensor_shape": {"dim": [{"size": str(n), "name": ""} for n in shape], "unknown_rank": False},
            }  # fmt: skip

        inputs = {
            c["name"]: tensor(c["name"], _TYPES.get(c["type"], "DT_STRING"), [-1]) for c in self._contract["columns"]
        }
        outputs = {
            o["name"]: tensor(o["name"], "DT_FLOAT", [-1 if n is None else n for n in o["shape"]])
            for o in self._contract["outputs"]
        }
        signature = {"inputs": inputs, "outputs": outputs, "method_name": "tensorflow/serving/predict"}
        return {
            "model_spec": {"name": self._contract["model"], "signature_name": "", "version": self.number},
            "metadata": {"signature_def": {"signature_def": {_SIGNATURE: signature}}},
        }


def _writer(name: str) -> Any:
    def write(predictions: list[Any], outside: Sequence[OutsidePlace]) -> ForeignAnswer:
        return ForeignAnswer(msgspec.json.encode({name: predictions, **({"outside": outside} if outside else {})}))

    return write


def _value(value: Any) -> Any:
    """Return a value as `/predict` takes it: bytes stand as {"b64": text} there, and a value may stand in a list of its own."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    is_bytes = isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)
    return value["b64"] if is_bytes else value
