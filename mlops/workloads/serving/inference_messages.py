"""Name the messages of the Open Inference Protocol, version 2, over gRPC.

Lives here: message_class, the class of each message, and INFERENCE_SERVICE and METHODS; names and field numbers are those of KServe's
`grpc_predict_v2.proto`.
Not here: what a request means (inference_request), answering (grpc_server).
Law: the messages stand in a pool of their own, so that a client of another package, which brings the same names, may live in
this process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

_PACKAGE = "inference"
INFERENCE_SERVICE = f"{_PACKAGE}.GRPCInferenceService"
METHODS = ("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer")
"""Each takes NAMERequest and answers with NAMEResponse."""
_Field = tuple[int, str, str]
_NAMED: Sequence[_Field] = ((1, "name", "string"), (2, "version", "string"))
_TENSOR: Sequence[_Field] = (
    (1, "name", "string"), (2, "datatype", "string"), (3, "shape", "int64*"), (4, "parameters", "InferParameter{}"),
    (5, "contents", "InferTensorContents"),
)  # fmt: skip
_HEAD: Sequence[_Field] = (
    (1, "model_name", "string"), (2, "model_version", "string"), (3, "id", "string"), (4, "parameters", "InferParameter{}"),
)  # fmt: skip
_MESSAGES: Mapping[str, Sequence[_Field]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ((1, "live", "bool"),),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ((1, "ready", "bool"),),
    "ModelReadyRequest": _NAMED,
    "ModelReadyResponse": ((1, "ready", "bool"),),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": (*_NAMED, (3, "extensions", "string*")),
    "ModelMetadataRequest": _NAMED,
    "ModelMetadataResponse": (
        (1, "name", "string"), (2, "versions", "string*"), (3, "platform", "string"),
        (4, "inputs", "ModelMetadataResponse.TensorMetadata*"), (5, "outputs", "ModelMetadataResponse.TensorMetadata*"),
    ),
    "ModelMetadataResponse.TensorMetadata": ((1, "name", "string"), (2, "datatype", "string"), (3, "shape", "int64*")),
    "ModelInferRequest": (
        *_HEAD, (5, "inputs", "ModelInferRequest.InferInputTensor*"),
        (6, "outputs", "ModelInferRequest.InferRequestedOutputTensor*"), (7, "raw_input_contents", "bytes*"),
    ),
    "ModelInferRequest.InferInputTensor": _TENSOR,
    "ModelInferRequest.InferRequestedOutputTensor": ((1, "name", "string"), (2, "parameters", "InferParameter{}")),
    "ModelInferResponse": (
        *_HEAD, (5, "outputs", "ModelInferResponse.InferOutputTensor*"), (6, "raw_output_contents", "bytes*"),
    ),
    "ModelInferResponse.InferOutputTensor": _TENSOR,
    "InferParameter": ((1, "bool_param", "bool"), (2, "int64_param", "int64"), (3, "string_param", "string")),
    "InferTensorContents": (
        (1, "bool_contents", "bool*"), (2, "int_contents", "int32*"), (3, "int64_contents", "int64*"),
        (4, "uint_contents", "uint32*"), (5, "uint64_contents", "uint64*"), (6, "fp32_contents", "float*"),
        (7, "fp64_contents", "double*"), (8, "bytes_contents", "bytes*"),
    ),
}  # fmt: skip
"""Message -> its fields: number, name, type. `*` stands behind a repeated one, `{}` behind a map of texts to it."""
_CHOICES = {"InferParameter": "parameter_choice"}
"""Messages of which one field alone is set, with the name of that choice."""


@cache
def message_class(name: str) -> Any:
    """Return the class of a message."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="grpc_predict_v2.proto", package=_PACKAGE, syntax="proto3")
    made: dict[str, DescriptorProto] = {}
    for name in sorted(_MESSAGES, key=lambda one: one.count(".")):
        holder, _, own = name.rpartition(".")
        made[name] = made[holder].nested_type.add(name=own) if holder else file.message_type.add(name=own)
    for name, message in made.items():
        if name in _CHOICES:
            message.oneof_decl.add(name=_CHOICES[name])
        for number, field, kind in _MESSAGES[name]:
            _add(message, name, FieldDescriptorProto(number=number, name=field), kind)
    service = file.service.add(name=INFERENCE_SERVICE.rpartition(".")[2])
    for method in METHODS:
        service.method.add(
            name=method, input_type=f".{_PACKAGE}.{method}Request", output_type=f".{_PACKAGE}.{method}Response"
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _add(message: DescriptorProto, holder: str, field: FieldDescriptorProto, kind: str) -> None:
    """Add one field to a message. `holder`: the message's name."""
    is_map, is_many = kind.endswith("{}"), kind.endswith("*")
    field.label = field.LABEL_REPEATED if is_map or is_many else field.LABEL_OPTIONAL
    of = kind.removesuffix("{}").removesuffix("*")
    if is_map:
        entry = message.nested_type.add(name=f"{field.name.capitalize()}Entry")
        entry.options.map_entry = True
        _add(entry, "", FieldDescriptorProto(number=1, name="key"), "string")
        _add(entry, "", FieldDescriptorProto(number=2, name="value"), of)
        field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{holder}.{entry.name}"
    elif of in _MESSAGES:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{of}"
    else:
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{of.upper()}")
    if holder in _CHOICES:
        field.oneof_index = 0
    message.field.append(field)
