"""The protocols of others: the Open Inference Protocol, version 2, and TensorFlow Serving's REST interface."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from mlops.workloads.prediction_log import entries_between
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.log import PredictionLog
from tests.served_model import ask_application, logged_lines, write_served_model

V2, V1 = "/v2/models/m", "/v1/models/m"
ROWS = [{"number": 5.0, "place": 2, "color": "red"}, {"number": 0.5, "place": 3, "color": "blue"}]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_served_model(tmp_path_factory.mktemp("served"))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    log = PredictionLog(tmp_path / "log", "v1", sample=1.0, flush=0.01, keep=3600)
    yield log
    log.close()


@pytest.fixture
def served(model: Path, log: PredictionLog) -> Application:
    return Application(model, "v7", log)


def tensor(name: str, datatype: str, data: list[Any], shape: list[int] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data, **more}


def tensors() -> list[dict[str, Any]]:
    return [
        tensor("number", "FP32", [5.0, 0.5]), tensor("place", "INT64", [[2], [3]], [2, 1]),
        tensor("color", "BYTES", ["red", "blue"]),
    ]  # fmt: skip


def infer(application: Application, request: Any, path: str = f"{V2}/infer", **more: Any) -> httpx.Response:
    return ask_application(application, "POST", path, json=request, **more)


def test_model_is_answered_with_and_without_its_version(served: Application) -> None:
    for base in (V2, f"{V2}/versions/v7"):
        answer = infer(served, {"inputs": tensors()}, f"{base}/infer")
        assert answer.json() == {
            "model_name": "m", "model_version": "v7",
            "outputs": [{"name": "prediction", "datatype": "FP32", "shape": [2], "data": [7.0, 3.5]}],
        }  # fmt: skip
        assert ask_application(served, "GET", f"{base}/ready").json() == {"ready": True}
        assert ask_application(served, "GET", base).json()["versions"] == ["v7"]
    assert infer(served, {"inputs": tensors()}, f"{V2}/versions/v8/infer").status_code == 404
    assert ask_application(served, "GET", "/v2").json() == {
        "name": "mlops", "version": "v7", "extensions": ["binary_tensor_data"]
    }  # fmt: skip


def test_request_of_any_protocol_is_logged_like_predict_with_its_id(
    served: Application, log: PredictionLog, tmp_path: Path
) -> None:
    asked = {
        "a": infer(served, {"id": "a", "inputs": tensors()}),
        "b": infer(served, {"id": "other", "inputs": tensors()}, headers={"x-request-id": "b"}),
        "c": infer(served, {"instances": ROWS}, f"{V1}:predict", headers={"x-request-id": "c"}),
        "d": ask_application(served, "POST", "/predict", json={"rows": ROWS}, headers={"x-request-id": "d"}),
    }
    assert {name: answer.headers["x-request-id"] for name, answer in asked.items()} == {name: name for name in asked}
    assert infer(served, {"inputs": tensors()}).headers["x-request-id"]
    assert infer(served, {"inputs": []}).headers["x-request-id"]
    log.close()
    entries = [entry for entry in entries_between(tmp_path / "log", 0, 1e12) if entry.answers is None]
    assert [entry.id for entry in entries[:4]] == ["a", "b", "c", "d"]
    assert len(entries) == 5
    assert all(entry.rows == ROWS for entry in entries)
    assert all(entry.predictions == [{"y": 7.0}, {"y": 3.5}] for entry in entries)
    assert len([line for line in logged_lines(tmp_path / "log") if "q" in line]) == 5


def binary_request(**more: Any) -> tuple[bytes, dict[str, str]]:
    texts = b"".join(struct.pack("<I", len(text)) + text for text in (b"red", b"blue"))
    parts = [np.array([5.0, np.nan], "<f8").tobytes(), np.array([2, 3], "<i8").tobytes(), texts]
    kinds = [("number", "FP64"), ("place", "INT64"), ("color", "BYTES")]
    inputs = [
        {"name": name, "datatype": kind, "shape": [2], "parameters": {"binary_data_size": len(part)}}
        for (name, kind), part in zip(kinds, parts, strict=True)
    ]
    text = json.dumps({"inputs": inputs, **more}).encode()
    return text + b"".join(parts), {"inference-header-content-length": str(len(text))}


def test_tensors_may_be_bytes_both_ways(served: Application) -> None:
    body, headers = binary_request(outputs=[{"name": "prediction", "parameters": {"binary_data": True}}], id="q")
    answer = ask_application(served, "POST", f"{V2}/infer", content=body, headers=headers)
    length = int(answer.headers["inference-header-content-length"])
    described = json.loads(answer.content[:length])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert described["outputs"][0]["parameters"] == {"binary_data_size": 8}
    assert described["id"] == "q"
    numbers = np.frombuffer(answer.content[length:], "<f4")
    assert numbers[0] == 7.0
    assert np.isnan(numbers[1])
    body, headers = binary_request(parameters={"binary_data_output": True})
    assert len(ask_application(served, "POST", f"{V2}/infer", content=body, headers=headers).content) > 8
    body, headers = binary_request()
    plain = ask_application(served, "POST", f"{V2}/infer", content=body, headers=headers).json()
    assert plain["outputs"][0]["data"] == [7.0, None]


@pytest.mark.parametrize(
    ("change", "status", "column", "words"),
    [
        ({"shape": [3]}, 400, "number", r"must have the shape \[2\] or \[2, 1\], since it has 2 values"),
        ({"shape": "two"}, 400, "number", "no list of whole numbers"),
        ({"datatype": "FP8"}, 400, "number", "no datatype that is known here; there are BOOL, INT8"),
        ({"datatype": ["FP64"]}, 400, "number", "no datatype that is known here"),
        ({"datatype": "INT8"}, 422, "number", "is no INT8"),
        ({"datatype": "BOOL"}, 422, "number", "is no BOOL"),
        ({"datatype": "BYTES"}, 422, "number", "is no BYTES"),
        ({"data": None}, 400, "number", "each with name, shape, datatype and data"),
        ({"data": [5.0, 1.0, 2.0], "shape": [3]}, 400, "inputs", "different numbers of rows"),
        ({"name": "place"}, 400, "place", "stands twice"),
        ({"parameters": {"binary_data_size": 16}}, 400, "number", "no number up to 0"),
        ({"parameters": {"binary_data_size": True}}, 400, "number", "no number up to 0"),
        ({"data": [1e300] * 101, "shape": [101], "datatype": "FP64"}, 413, "rows", "101 rows"),
    ],
)
def test_tensor_that_does_not_fit_is_named(
    served: Application, change: dict[str, Any], status: int, column: str, words: str
) -> None:
    first, *others = tensors()
    answer = infer(served, {"inputs": [{**first, **change}, *others]})
    (problem,) = answer.json()["problems"]
    assert (answer.status_code, problem["column"]) == (status, column)
    with pytest.raises(ValueError, match=words):
        raise ValueError(problem["problem"])


@pytest.mark.parametrize(
    ("request_body", "words"),
    [
        ({"outputs": [{"name": "other"}]}, "one output, prediction"), ({"outputs": 5}, "lists objects"),
        ({"outputs": [5]}, "lists objects"), ({"parameters": 5}, "`parameters` is an object"), ({"id": 5}, "is text"),
    ],
)  # fmt: skip
def test_request_that_asks_for_what_is_not_there_is_refused(
    served: Application, request_body: dict[str, Any], words: str
) -> None:
    answer = infer(served, {"inputs": tensors(), **request_body})
    assert (answer.status_code, words in answer.json()["error"] + str(answer.json()["problems"])) == (400, True)


def damaged_binary_requests() -> dict[str, tuple[bytes, dict[str, str]]]:
    body, headers = binary_request()
    length = int(headers["inference-header-content-length"])
    infinite = np.array([5.0, np.inf], "<f8").tobytes()
    return {
        "length that is no number": (body, {"inference-header-content-length": "-1"}),
        "length beyond the body": (body, {"inference-header-content-length": "99999"}),
        "length of 5,000 digits": (body, {"inference-header-content-length": "9" * 5_000}),
        "cut off": (body[:-3], headers), "something behind": (body + b"x", headers),
        "infinite": (body[:length] + infinite + body[length + 16 :], headers),
        "texts longer than their bytes": (body[:-8] + struct.pack("<I", 2**31) + b"blue", headers),
        "text that is not UTF-8": (body[:-1] + b"\xff", headers),
    }  # fmt: skip


@pytest.mark.parametrize("name", damaged_binary_requests())
def test_damaged_bytes_are_refused(served: Application, name: str) -> None:
    body, headers = damaged_binary_requests()[name]
    answer = ask_application(served, "POST", f"{V2}/infer", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]


def test_rows_and_columns_of_tensorflow_serving_are_answered(served: Application) -> None:
    by_rows = infer(served, {"signature_name": "serving_default", "instances": ROWS}, f"{V1}:predict")
    assert by_rows.json() == {"predictions": [7.0, 3.5]}
    columns = {"number": [[5.0], [0.5]], "place": [2, 3]}
    for path in (f"{V1}:predict", f"{V1}/versions/7:predict", f"{V1}/versions/v7:predict"):
        assert infer(served, {"inputs": columns}, path).json() == {"outputs": [7.0, 3.5]}
    state = ask_application(served, "GET", V1).json()["model_version_status"][0]
    assert (state["version"], state["state"]) == ("7", "AVAILABLE")
    signature = ask_application(served, "GET", f"{V1}/metadata").json()["metadata"]["signature_def"]["signature_def"]
    assert signature["serving_default"]["inputs"]["place"]["dtype"] == "DT_INT64"
    flagged = infer(served, {"instances": [{**ROWS[0], "color": "violet"}]}, f"{V1}:predict").json()
    assert (flagged["predictions"], flagged["outside"][0]["column"]) == ([7.0], "color")


@pytest.mark.parametrize(
    "body",
    [
        {}, [], None, {"instances": []}, {"instances": 5}, {"instances": [5]}, {"instances": ROWS, "inputs": {}},
        {"inputs": []}, {"inputs": {"number": 5}}, {"inputs": {"number": [1], "place": [1, 2]}}, {"inputs": {"number": []}},
        {"instances": ROWS, "signature_name": "other"}, {"instances": [{}] * 101}, {"instances": [{"number": {"b64": 5}}]},
        {"inputs": {"number": [1.0] * 101}}, {"instances": [{"number": "5"}]},
    ],
)  # fmt: skip
def test_bad_request_of_tensorflow_serving_is_refused(served: Application, body: Any) -> None:
    answer = infer(served, body, f"{V1}:predict")
    assert answer.status_code in (400, 413, 422)
    assert answer.json()["error"]


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"rows": ROWS}), (f"{V2}/infer", {"inputs": tensors()}), (f"{V1}:predict", {"instances": ROWS}),
        ("/feedback", {"id": "a", "label": 5}),
    ],
)  # fmt: skip
def test_compressed_request_is_answered_like_a_plain_one(
    served: Application, coding: str, pack: Any, path: str, body: Any
) -> None:
    content = json.dumps(body).encode()
    plain = ask_application(served, "POST", path, content=content)
    packed = ask_application(served, "POST", path, content=pack(content), headers={"content-encoding": coding})
    assert (packed.status_code, packed.json()) == (plain.status_code, plain.json())
    assert packed.status_code in (200, 202)


def test_compressed_request_is_logged_as_it_reads(served: Application, log: PredictionLog, tmp_path: Path) -> None:
    content = gzip.compress(json.dumps({"rows": ROWS}).encode())
    ask_application(served, "POST", "/predict", content=content, headers={"content-encoding": "gzip"})
    log.close()
    (line,) = [line for line in logged_lines(tmp_path / "log") if "q" in line]
    assert line["q"] == {"rows": ROWS}


@pytest.mark.parametrize("path", ["/predict", f"{V2}/infer", "/feedback"])
@pytest.mark.parametrize(
    ("coding", "content", "status"),
    [
        ("gzip", gzip.compress(b" " * 200 * 2**20, 1), 413), ("gzip", b"{}", 400), ("gzip", gzip.compress(b"{}")[:-4], 400),
        ("gzip", gzip.compress(b"{}") + b"x", 400), ("br", b"{}", 415), ("gzip, gzip", gzip.compress(b"{}"), 415),
    ],
    ids=["bomb", "none", "cut off", "more", "unknown", "twice"],
)  # fmt: skip
def test_damaged_compression_is_refused(
    served: Application, path: str, coding: str, content: bytes, status: int
) -> None:
    answer = ask_application(served, "POST", path, content=content, headers={"content-encoding": coding})
    assert answer.status_code == status
    assert answer.json()["error"]


def test_large_answer_is_compressed_for_clients_that_take_it(tmp_path: Path) -> None:
    served = Application(write_served_model(tmp_path, max_rows=1_000), "v7")
    many = {"rows": ROWS * 500}
    packed = ask_application(served, "POST", "/predict", json=many, headers={"accept-encoding": "gzip"})
    plain = ask_application(served, "POST", "/predict", json=many, headers={"accept-encoding": "gzip;q=0, identity"})
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "accept-encoding")
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    small = ask_application(served, "POST", "/predict", json=ROWS[0], headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in small.headers
    described = ask_application(served, "GET", "/openapi.json", headers={"accept-encoding": "gzip"})
    assert described.headers["content-encoding"] == "gzip"
