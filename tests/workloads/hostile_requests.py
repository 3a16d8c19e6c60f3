"""Requests that try to harm a server, for the model of `export_linear_model` with at most 100 rows."""

from __future__ import annotations

import gzip
import json
import struct
from typing import Any

ROW = {"number": 0.5, "color": "red", "size": 2, "hour": 6, "flag": True}
INFER, TENSORFLOW = "/v2/models/m/infer", "/v1/models/m:predict"
MOST_ROWS, LIMIT = 100, 2**20
BAD = range(400, 500)

_VALUES: dict[str, tuple[str, str]] = {
    "400 digits": ("number", "9" * 400), "5,000 digits": ("number", "1" * 5_000), "1e999": ("number", "1e999"),
    "-1e999": ("number", "-1e999"), "NaN": ("number", "NaN"), "Infinity": ("number", "Infinity"),
    "-Infinity": ("number", "-Infinity"), "NaN as text": ("number", '"NaN"'), "true as number": ("number", "true"),
    "list as number": ("number", "[1]"), "object as number": ("number", '{"a":1}'), "text as number": ("number", '"5"'),
    "hexadecimal": ("number", "0x10"), "digits with _": ("number", "1_000"), "400 digits, int": ("size", "9" * 400),
    "65 bits": ("size", str(2**64)), "2**63": ("size", str(2**63)), "1e300 as int": ("size", "1e300"),
    "2.5 as int": ("size", "2.5"), "true as int": ("size", "true"), "list as int": ("size", "[[]]"),
    "1 as bool": ("flag", "1"), "text as bool": ("flag", '"true"'), "object as bool": ("flag", "{}"),
    "lone surrogate": ("color", '"\\ud800"'), "low surrogate": ("color", '"\\udc00x"'), "NUL": ("color", '"a\\u0000b"'),
    "raw NUL": ("color", '"a\0b"'), "number as text": ("color", "5"), "deep list": ("color", "[" * 5_000 + "]" * 5_000),
    "open lists": ("color", "[" * 50_000), "deep object": ("color", '{"a":' * 5_000 + "1" + "}" * 5_000),
    "deep label": ("late", "[" * 900 + "]" * 900), "object as known column": ("grade", "{}"),
}  # fmt: skip


def _bodies() -> dict[str, bytes]:
    row = json.dumps(ROW)
    bodies = {name: f'{{"{column}": {value}}}'.encode() for name, (column, value) in _VALUES.items()}
    for name in ("400 digits", "NUL", "65 bits"):
        column, value = _VALUES[name]
        bodies[f"{name} among rows"] = f'{{"rows": [{row}, {{"{column}": {value}}}, {row}]}}'.encode()
    return bodies | {
        "no column": b"{}", "nothing but null": b'{"number": null, "color": null}', "rows of no column": b'{"rows": [{}, {}]}',
        "twice the same column": b'{"number": 1, "number": "x"}', "twice rows": b'{"rows": [{"flag": true}], "rows": 5}',
        "UTF-16": row.encode("utf-16"), "UTF-32": row.encode("utf-32"), "XML": b"<rows><row/></rows>", "YAML": b"number: 1",
        "form": b"number=1&color=red", "two documents": f"{row}{row}".encode(), "a comment": f"{row} // yes".encode(),
        "trailing comma": row.replace("}", ",}").encode(), "single quotes": row.replace('"', "'").encode(),
        "huge text as number": b'{"number": "%b"}' % (b"9" * 500_000), "leading zeros": b'{"number": 007}',
        "empty": b"", "half": b'{"rows": [', "not UTF-8": b'{"color": "\xff\xfe"}', "binary": bytes(range(256)) * 64,
        "byte order mark": b"\xef\xbb\xbf{}", "null": b"null", "rows of nothing": b'{"rows": null}', "no rows": b'{"rows": []}',
        "rows of numbers": b'{"rows": [1, 2]}', "101 rows": b'{"rows": [%b]}' % b",".join([b"{}"] * (MOST_ROWS + 1)),
        "300,000 rows": b'{"rows": [%b]}' % b",".join([b"{}"] * 300_000), "500,000 lists": b'{"rows": [%b[]]}' % (b"[]," * 300_000),
        "many unknown columns": json.dumps({"rows": [{f"colum{i}{j}": 1 for j in range(200)} for i in range(90)]}).encode(),
        "long unknown column": b'{"%b": 1}' % (b"number" * 100_000), "deep and large": b"[" * 500_000,
        "quotes": b'{"color": "%b"' % (b'\\"' * 400_000), "too large": b" " * (LIMIT + 1), "much too large": b" " * (6 * LIMIT),
    }  # fmt: skip


def _tensors() -> dict[str, Any]:
    def tensor(name: Any, data: Any) -> dict[str, Any]:
        return {"name": name, "shape": [1], "datatype": "FP64", "data": data}

    return {
        "v2 nothing": {}, "v2 list": [], "v2 null inputs": {"inputs": None}, "v2 no tensors": {"inputs": []},
        "v2 tensor is a number": {"inputs": [5]}, "v2 number as name": {"inputs": [tensor(5, [1])]},
        "v2 list as name": {"inputs": [tensor(["number"], [1])]}, "v2 data is text": {"inputs": [tensor("number", "12")]},
        "v2 uneven": {"inputs": [tensor("number", [1, 2]), tensor("size", [1])]}, "v2 empty": {"inputs": [tensor("number", [])]},
        "v2 400 digits": {"inputs": [tensor("number", [10**400])]}, "v2 65 bits": {"inputs": [tensor("size", [2**64])]},
        "v2 NaN": {"inputs": [tensor("number", [float("nan")])]}, "v2 boolean": {"inputs": [tensor("number", [True])]},
        "v2 deep data": {"inputs": [tensor("number", [[[[1]]]])]}, "v2 NUL": {"inputs": [tensor("color", ["\0"])]},
        "v2 unknown": {"inputs": [tensor("nothing", [1])]}, "v2 shape": {"inputs": [{**tensor("number", [1]), "shape": [2**62]}]},
        "v2 datatype": {"inputs": [{**tensor("number", [1]), "datatype": {}}]}, "v2 output": {"inputs": [tensor("number", [1])], "outputs": [{"name": "x"}]}, "v2 too many": {"inputs": [tensor("number", [1.5] * 60_000)]},
    }  # fmt: skip


def _instances() -> dict[str, Any]:
    return {
        "tf nothing": {}, "tf list": [], "tf both": {"instances": [ROW], "inputs": {}}, "tf no rows": {"instances": []},
        "tf rows of numbers": {"instances": [1, 2]}, "tf empty row": {"instances": [{}]}, "tf 400 digits": {"instances": [{"number": 10**400}]},
        "tf uneven": {"inputs": {"number": [1.0, 2.0], "size": [1]}}, "tf deep": {"instances": [{"color": [[[["red"]]]]}]},
        "tf many": {"instances": [ROW] * (MOST_ROWS + 1)}, "tf other signature": {"instances": [ROW], "signature_name": "x"},
        "tf bytes as number": {"instances": [{"number": {"b64": "AAAA"}}]},
    }  # fmt: skip


def _bytes_behind(size: int, content: bytes, *, datatype: str = "FP64", header: str | None = None) -> bytes:
    """Return an inference request with one tensor as bytes. `size`: what it says of them."""
    tensor = {"name": "number", "shape": [1], "datatype": datatype, "parameters": {"binary_data_size": size}}
    text = json.dumps({"inputs": [tensor]}).encode()
    return _request("POST", INFER, text + content, f"inference-header-content-length: {header or len(text)}\r\n")


def _behind() -> dict[str, bytes]:
    return {
        "bytes infinite": _bytes_behind(8, struct.pack("<d", float("inf"))), "bytes cut off": _bytes_behind(8, b"\0\0\0"),
        "bytes too many": _bytes_behind(8, b"\0" * 16), "bytes negative": _bytes_behind(-8, b"\0" * 8),
        "bytes beyond": _bytes_behind(2**62, b"\0" * 8), "bytes uneven": _bytes_behind(7, b"\0" * 7),
        "bytes long text": _bytes_behind(8, struct.pack("<I", 2**32 - 1) + b"abcd", datatype="BYTES"),
        "bytes header": _bytes_behind(8, b"\0" * 8, header="9" * 400), "bytes no number": _bytes_behind(8, b"\0" * 8, header="x"),
        "bytes in JSON": _bytes_behind(8, b"\0" * 8, header="3"),
    }  # fmt: skip


def _packed() -> dict[str, bytes]:
    bomb = gzip.compress(b" " * (100 * LIMIT), 9)
    row = json.dumps(ROW).encode()
    coding = "content-encoding: gzip\r\n"
    return {
        "gzip bomb": _request("POST", "/predict", bomb, coding), "gzip bomb twice": _request("POST", "/predict", gzip.compress(bomb), coding),
        "gzip bomb v2": _request("POST", INFER, bomb, coding), "gzip bomb of feedback": _request("POST", "/feedback", bomb, coding),
        "gzip of none": _request("POST", "/predict", row, coding), "gzip cut off": _request("POST", "/predict", gzip.compress(row)[:-6], coding),
        "gzip and more": _request("POST", "/predict", gzip.compress(row) + row, coding),
        "gzip damaged": _request("POST", "/predict", gzip.compress(row)[:-8] + bytes(8), coding),
        "unknown coding": _request("POST", "/predict", row, "content-encoding: br\r\n"),
        "coding of 400 times": _request("POST", "/predict", row, f"content-encoding: {', '.join(['gzip'] * 400)}\r\n"),
    }  # fmt: skip


def _request(method: str, path: str, body: bytes, head: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


def good_request(index: int) -> bytes:
    return _request("POST", "/predict", json.dumps({**ROW, "number": index % 7 / 7}).encode())


def hostile_requests() -> dict[str, bytes]:
    """Return name -> the bytes of a request that must be answered with a 4xx."""
    row = json.dumps(ROW).encode()
    chunked = b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    return {
        **{name: _request("POST", "/predict", body) for name, body in _bodies().items()},
        **{name: _request("POST", INFER, json.dumps(body).encode()) for name, body in _tensors().items()},
        **{name: _request("POST", TENSORFLOW, json.dumps(body).encode()) for name, body in _instances().items()},
        **_behind(), **_packed(),
        "v2 other version": _request("POST", "/v2/models/m/versions/v9/infer", row), "tf classify": _request("POST", "/v1/models/m:classify", row),
        "v2 1e999": _request("POST", INFER, b'{"inputs": [{"name": "number", "data": [1e999]}]}'),
        "v2 deep": _request("POST", INFER, b"[" * 60_000),
        "feedback NaN": _request("POST", "/feedback", b'{"id": "a", "label": NaN}'),
        "feedback deep": _request("POST", "/feedback", b'{"id": "a", "label": %b' % (b"[" * 50_000)),
        "feedback object": _request("POST", "/feedback", b'{"id": {}, "label": 1}'),
        "unknown path": _request("POST", "/%00/..%2f%ff", row), "unknown method": _request("BREW", "/predict", row),
        "DELETE": _request("DELETE", "/predict", b""), "PUT": _request("PUT", "/readyz", row),
        "OPTIONS": _request("OPTIONS", "/predict", b""), "no HTTP": b"\x16\x03\x01" * 40 + b"\r\n\r\n",
        "two lengths": _request("POST", "/predict", row, "content-length: 3\r\n"), "long header": b"GET / HTTP/1.1\r\na: " + b"a" * 400_000,
        "many headers": _request("POST", "/predict", row, "".join(f"h{i}: 1\r\n" for i in range(2_000))),
        "bad chunk": chunked + b"zz\r\n{}\r\n0\r\n\r\n", "chunks too large": chunked + (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 40 + b"0\r\n\r\n",
        "endless": b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n" + b" " * (5 * LIMIT),
        "never arrives": b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
    }  # fmt: skip
