"""Read requests of the Open Inference Protocol over gRPC, and write their answers.

Lives here: parsed; GrpcInference, for the message ModelInferRequest, with tensors in fields of their type or as raw bytes.
Not here: the messages themselves (inference_messages), calls and their status (grpc_server), tensors (tensors).
Law: what a tensor may hold is what it may hold over REST; the answer comes as raw bytes where the request did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from mlops.workloads.serving.foreign import ForeignAnswer, ForeignRequest, rows_of_columns
from mlops.workloads.serving.inference_messages import message_class
from mlops.workloads.serving.open_inference import OpenInference, numbers_of, shape_of
from mlops.workloads.serving.request_head import KeptHeaders
from mlops.workloads.serving.rows import BadRows, whole
from mlops.workloads.serving.seen_values import OutsidePlace
from mlops.workloads.serving.tensors import DATATYPES, numbers_or_none, tensor_values
from mlops.workloads.serving.values import shortened

_CONTENTS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents",
    "INT64": "int64_contents", "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents",
    "UINT64": "uint64_contents", "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip
"""Datatype -> the field that holds its values; FP16 has none, and comes as raw bytes."""


class GrpcInference:
    """`most`: the most rows of one request. `columns`: how many columns a row may have."""

    def __init__(self, protocol: OpenInference, most: int, columns: int) -> None:
        self._protocol, self._most, self._columns = protocol, most, columns
        self._response = message_class("ModelInferResponse")

    def read(self, body: bytes, head: KeptHeaders) -> ForeignRequest:
        """Return the rows of a request. Raises BadRows."""
        request = parsed("ModelInferRequest", body)
        self._protocol.check_model(request.model_name, request.model_version)
        if len(request.inputs) > self._columns:
            raise whole(f"{len(request.inputs):,} inputs, and the model knows {self._columns:,} columns", 400, "inputs")
        columns = self._protocol.columns_of(self._tensors(request))
        for output in request.outputs:
            self._protocol.check_output(output.name)
        is_raw = bool(request.raw_input_contents)

        def write(predictions: list[Any], outside: Sequence[OutsidePlace]) -> ForeignAnswer:
            return ForeignAnswer(self._write(predictions, outside, request.id, is_raw=is_raw))

        return ForeignRequest(rows_of_columns(columns), write, request.id)

    def _tensors(self, request: Any) -> Iterator[tuple[str, list[Any]]]:
        raw = request.raw_input_contents
        if raw and len(raw) != len(request.inputs):
            problem = (
                f"{len(raw):,} raw_input_contents for {len(request.inputs):,} inputs; there is one for each, or none"
            )
            raise whole(problem, 400, "raw_input_contents")
        for index, tensor in enumerate(request.inputs):
            said = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape[:3])}
            if not raw:
                yield tensor.name, tensor_values({**said, "data": self._contents(tensor)}, b"", self._most)[0]
                continue
            if tensor.HasField("contents"):
                raise whole("has contents beside the request's raw_input_contents", 400, shortened(tensor.name))
            size = {"binary_data_size": len(raw[index])}
            yield tensor.name, tensor_values({**said, "parameters": size}, raw[index], self._most)[0]

    def _contents(self, tensor: Any) -> list[Any]:
        """Return what a tensor holds in the field of its datatype."""
        field, name = _CONTENTS.get(tensor.datatype), shortened(tensor.name)
        if field is None:
            why = "comes as raw_input_contents alone" if tensor.datatype in DATATYPES else "is not known here"
            raise whole(f"has the datatype {shortened(tensor.datatype) or '(none)'}, which {why}", 400, name)
        others = sorted(one.name for one, _ in tensor.contents.ListFields() if one.name != field)
        if others:
            raise whole(f"is {tensor.datatype}, whose values stand in {field}, and not in {others[0]}", 400, name)
        values = getattr(tensor.contents, field)
        if len(values) > self._most:
            raise whole(f"{len(values):,} rows, and a request may have {self._most:,}", 413, "rows")
        if field == "bytes_contents":
            return [_text(content, row, name) for row, content in enumerate(values)]
        return numbers_or_none(list(values), name) if field.startswith("fp") else list(values)

    def _write(self, predictions: list[Any], outside: Sequence[OutsidePlace], own_id: str, *, is_raw: bool) -> bytes:
        head = self._protocol.head
        answer = self._response(model_name=head["model_name"], model_version=head["model_version"], id=own_id)
        output = answer.outputs.add(name=self._protocol.output, datatype="FP32", shape=shape_of(predictions))
        numbers = numbers_of(predictions)
        if outside:
            answer.parameters["outside"].string_param = msgspec.json.encode(outside).decode()
        if is_raw:
            answer.raw_output_contents.append(numbers.tobytes())
        else:
            output.contents.fp32_contents.extend(numbers.tolist())
        written: bytes = answer.SerializeToString()
        return written


def parsed(message: str, body: bytes) -> Any:
    """Return a message of which `body` holds the bytes. Raises BadRows."""
    try:
        return message_class(message).FromString(body)
    except DecodeError:
        raise whole(f"this is no {message} of the Open Inference Protocol", 400) from None


def _text(content: bytes, row: int, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadRows([{"row": row, "column": name, "problem": "is text that is not UTF-8"}]) from None
