"""Read one tensor of the Open Inference Protocol.

Lives here: tensor_values, for data as JSON and as bytes, numbers_or_none, and DATATYPES.
Not here: whole requests (open_inference), what a column takes (values).
Law: the values that are given back fit the tensor's shape and datatype; NaN is a missing value; bytes are little-endian and
row-major, texts each behind their length in four bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlops.workloads.serving.rows import BadRows, whole
from mlops.workloads.serving.values import shortened, values_of

DATATYPES: dict[str, str | None] = {
    "BOOL": "?", "INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "UINT8": "<u1", "UINT16": "<u2",
    "UINT32": "<u4", "UINT64": "<u8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "BYTES": None,
}  # fmt: skip
"""Datatype -> how numpy calls it; BYTES are texts."""
_PREFIX = 4


def tensor_values(tensor: dict[str, Any], rest: bytes, most: int) -> tuple[list[Any], bytes]:
    """Return the values of a tensor, one for each row, and what of `rest` is behind it. `rest`: the bytes from which tensors
    take theirs, in their order. Raises BadRows."""
    name = shortened(tensor["name"])
    datatype = tensor.get("datatype")
    if datatype is not None and (not isinstance(datatype, str) or datatype not in DATATYPES):
        raise whole(f"has no datatype that is known here; there are {', '.join(DATATYPES)}", 400, name)
    parameters = tensor.get("parameters") or {}
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        data = tensor.get("data")
        if not isinstance(data, list):
            raise whole("an inference request has `inputs`, each with name, shape, datatype and data", 400, name)
        values = values_of(data)
        _check_types(values, datatype, name)
    else:
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(rest):
            raise whole(f"has a binary_data_size that is no number up to {len(rest):,}, the bytes behind it", 400, name)
        values, rest = _from_bytes(rest[:size], datatype, name), rest[size:]
    if len(values) > most:
        raise whole(f"{len(values):,} rows, and a request may have {most:,}", 413, "rows")
    _check_shape(tensor.get("shape"), len(values), name)
    return values, rest


def _check_shape(shape: Any, count: int, name: str) -> None:
    if shape is None:
        return
    if not isinstance(shape, list) or not all(isinstance(n, int) and not isinstance(n, bool) for n in shape):
        raise whole("has a shape that is no list of whole numbers", 400, name)
    if shape not in ([count], [count, 1]):
        raise whole(f"must have the shape [{count}] or [{count}, 1], since it has {count:,} values", 400, name)


def _check_types(values: list[Any], datatype: str | None, name: str) -> None:
    """Raises BadRows that names the first row whose value is not of the datatype. A missing value is null."""
    if datatype is None:
        return
    for number, value in enumerate(values):
        if value is not None and not _fits(value, datatype):
            problem = {"row": number, "column": name, "problem": f"is no {datatype}, which is the tensor's datatype"}
            raise BadRows([problem])


def _fits(value: Any, datatype: str) -> bool:
    if datatype == "BYTES":
        return isinstance(value, str)
    if datatype == "BOOL":
        return isinstance(value, bool)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    if datatype.startswith("FP"):
        return True
    bounds = np.iinfo(DATATYPES[datatype])  # type: ignore[arg-type]
    return bool(bounds.min <= value <= bounds.max and value == int(value))


def _from_bytes(content: bytes, datatype: str | None, name: str) -> list[Any]:
    if datatype is None:
        raise whole("needs a datatype, since its data are bytes", 400, name)
    kind = DATATYPES[datatype]
    if kind is None:
        return list(_texts(content, name))
    width = np.dtype(kind).itemsize
    if len(content) % width:
        raise whole(f"has {len(content):,} bytes, which is no multiple of the {width} of {datatype}", 400, name)
    values: list[Any] = np.frombuffer(content, dtype=kind).tolist()
    return numbers_or_none(values, name) if datatype.startswith("FP") else values


def numbers_or_none(values: list[float], name: str) -> list[Any]:
    """Return numbers with None for NaN. Raises BadRows that names the first row with an infinite one."""
    if math.isfinite(sum(values)):
        return values
    for number, value in enumerate(values):
        if math.isinf(value):
            raise BadRows([{"row": number, "column": name, "problem": "is infinite, and must be a number"}])
    return [None if math.isnan(value) else value for value in values]


def _texts(content: bytes, name: str) -> Iterator[str]:
    place, row = 0, 0
    while place < len(content):
        end = place + _PREFIX + int.from_bytes(content[place : place + _PREFIX], "little")
        if end > len(content) or place + _PREFIX > len(content):
            raise whole("has texts that are longer than its bytes; each stands behind its length in 4 bytes", 400, name)
        try:
            yield content[place + _PREFIX : end].decode()
        except UnicodeDecodeError:
            raise BadRows([{"row": row, "column": name, "problem": "is text that is not UTF-8"}]) from None
        place, row = end, row + 1
