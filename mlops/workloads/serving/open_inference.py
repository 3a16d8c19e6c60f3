"""Speak the Open Inference Protocol, version 2, over REST.

Lives here: OpenInference, which reads its requests and writes its answers, with tensors as JSON or as bytes behind it
(the extension `binary_tensor_data`), and what holds over gRPC too.
Not here: its paths (app), tensors (tensors), the messages of gRPC (inference_request).
Law: a tensor's data fit its shape and its datatype, or the request is refused with the tensor's name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from mlops.workloads.serving.foreign import ForeignAnswer, ForeignRequest, rows_of_columns
from mlops.workloads.serving.request_head import JSON_LENGTH, KeptHeaders
from mlops.workloads.serving.rows import RowReader, whole
from mlops.workloads.serving.seen_values import OutsidePlace
from mlops.workloads.serving.tensors import tensor_values
from mlops.workloads.serving.values import shortened

EXTENSIONS = ["binary_tensor_data"]
_BINARY = (b"content-type", b"application/octet-stream")
_FLAG = "binary_data"


class OpenInference:
    """`most`: the most rows of one request."""

    def __init__(self, contract: dict[str, Any], version: str, reader: RowReader, most: int) -> None:
        self._reader, self._most = reader, most
        self.head = {"model_name": contract["model"], "model_version": version}
        self.output: str = contract["outputs"][0]["name"]

    def bases(self) -> tuple[str, str]:
        """Return the paths of the model, without and with its version."""
        base = f"/v2/models/{self.head['model_name']}"
        return base, f"{base}/versions/{self.head['model_version']}"

    def read(self, body: bytes, head: KeptHeaders) -> ForeignRequest:
        """Return the rows of a request. Raises BadRows."""
        length = _json_length(head.get(JSON_LENGTH), len(body))
        request = self._reader.read_columns(body[:length])
        tensors = request.get("inputs") if isinstance(request, dict) else None
        if not isinstance(tensors, list) or not all(_is_tensor(tensor) for tensor in tensors):
            raise whole("an inference request has `inputs`, each with name, shape, datatype and data", 400, "inputs")
        columns = self.columns_of(self._tensors(tensors, body[length:]))
        asked = self._asked(request)
        own_id = request.get("id", "")
        if not isinstance(own_id, str):
            raise whole("the id of an inference request is text", 400, "id")

        def write(predictions: list[Any], outside: Sequence[OutsidePlace]) -> ForeignAnswer:
            return self._write(predictions, outside, own_id, asked)

        return ForeignRequest(rows_of_columns(columns), write, own_id)

    def check_model(self, name: str, version: str) -> None:
        """Raises BadRows with 404 where a request is not for this model. `version`: may be empty."""
        if name != self.head["model_name"] or version not in ("", self.head["model_version"]):
            asked = f"{shortened(name)}{f' {shortened(version)}' if version else ''}"
            raise whole(f"there is no model {asked} here; there is {' '.join(self.head.values())}", 404, "model_name")

    def check_output(self, name: Any) -> None:
        """Raises BadRows where a request asks for another output than there is."""
        if name != self.output:
            raise whole(f"the model has one output, {self.output}, and no other can be asked for", 400, "outputs")

    def columns_of(self, tensors: Iterable[tuple[str, list[Any]]]) -> dict[str, list[Any]]:
        """Return name -> values, as many for each column. Raises BadRows."""
        columns: dict[str, list[Any]] = {}
        for name, values in tensors:
            if name in columns:
                raise whole("stands twice among the inputs", 400, shortened(name))
            columns[name] = values
        counts = {len(values) for values in columns.values()}
        if len(counts) != 1:
            raise whole(f"the inputs have different numbers of rows: {sorted(counts)[:10]}", 400, "inputs")
        return columns

    def _tensors(self, tensors: list[dict[str, Any]], rest: bytes) -> Iterator[tuple[str, list[Any]]]:
        """Yield name and values of each tensor. `rest`: the bytes behind the JSON."""
        for tensor in tensors:
            values, rest = tensor_values(tensor, rest, self._most)
            yield tensor["name"], values
        if rest:
            raise whole(f"{len(rest):,} bytes stand behind the tensors that belong to none of them", 400, "inputs")

    def _asked(self, request: dict[str, Any]) -> list[bool]:
        """Return for each output that is asked for, whether as bytes."""
        whole_flag = _parameters(request).get("binary_data_output") is True
        outputs = request.get("outputs") or [{"name": self.output}]
        if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
            raise whole("`outputs` lists objects with a name", 400, "outputs")
        for one in outputs:
            self.check_output(one.get("name"))
        return [bool(_parameters(one).get(_FLAG, whole_flag)) for one in outputs[:1]]

    def _write(
        self, predictions: list[Any], outside: Sequence[OutsidePlace], own_id: str, asked: list[bool]
    ) -> ForeignAnswer:
        output: dict[str, Any] = {"name": self.output, "datatype": "FP32", "shape": shape_of(predictions)}
        answer: dict[str, Any] = {**self.head, **({"id": own_id} if own_id else {}), "outputs": [output]}
        if outside:
            # A parameter of the protocol is text, a number or a boolean.
            answer["parameters"] = {"outside": msgspec.json.encode(outside).decode()}
        if not any(asked):
            output["data"] = _flat(predictions)
            return ForeignAnswer(msgspec.json.encode(answer))
        numbers = numbers_of(predictions)
        output["parameters"] = {"binary_data_size": numbers.nbytes}
        text = msgspec.json.encode(answer)
        return ForeignAnswer(text + numbers.tobytes(), (_BINARY, (JSON_LENGTH, b"%d" % len(text))))


def _json_length(header: bytes | None, size: int) -> int:
    """Return how many bytes of a body are JSON."""
    if header is None:
        return size
    if not header.isdigit() or len(header) > 12 or int(header) > size:
        raise whole(f"{JSON_LENGTH.decode()} must be a number of at most {size:,}, the bytes of the body", 400)
    return int(header)


def _parameters(holder: dict[str, Any]) -> dict[str, Any]:
    parameters = holder.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise whole("`parameters` is an object", 400, "parameters")
    return parameters


def shape_of(predictions: list[Any]) -> list[int]:
    return [len(predictions), len(predictions[0])] if _is_many(predictions) else [len(predictions)]


def numbers_of(predictions: list[Any]) -> npt.NDArray[Any]:
    """Return predictions as FP32, row after row, NaN where there is none."""
    return np.array([math.nan if value is None else value for value in _flat(predictions)], dtype="<f4")


def _is_many(predictions: list[Any]) -> bool:
    """Say whether each prediction is a list of numbers."""
    return bool(predictions) and isinstance(predictions[0], list)


def _flat(predictions: list[Any]) -> list[Any]:
    return [value for row in predictions for value in row] if _is_many(predictions) else predictions


def _is_tensor(tensor: Any) -> bool:
    return isinstance(tensor, dict) and isinstance(tensor.get("name"), str)
