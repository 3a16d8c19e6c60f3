"""The Open Inference Protocol over gRPC: a real server, asked by real clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from mlops.workloads.serving.app import Application
from mlops.workloads.serving.grpc_server import GrpcServer
from mlops.workloads.serving.inference_messages import INFERENCE_SERVICE, message_class
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.server_settings import KeyFile
from tests.served_model import ask_application, logged_lines, write_served_model

Ask = Callable[..., Awaitable[tuple[Any, Mapping[str, str]]]]
ROWS: dict[str, tuple[str, list[Any]]] = {"number": ("FP64", [1.5, 2.5]), "place": ("INT32", [2, 3]), "color": ("BYTES", [b"red", b"blue"])}  # fmt: skip
FIELDS = {"FP64": "fp64_contents", "INT32": "int_contents", "BYTES": "bytes_contents", "BOOL": "bool_contents"}
NUMPY = {"FP64": "<f8", "INT32": "<i4", "FP16": "<f2", "BOOL": "?"}


def served(
    folder: Path, asked: Callable[[Ask], Awaitable[None]], *, key: KeyFile | None = None, log: PredictionLog | None = None,
    draining: bool = False,
) -> Application:  # fmt: skip
    """Serve on a socket while `asked` asks, and return the application."""
    application = Application(write_served_model(folder / "model", grpc=True), "v7", log)
    application.draining = draining

    async def whole() -> None:
        server = GrpcServer(application, f"unix:{folder}/s.grpc", key)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"unix:{folder}/s.grpc") as channel:

                async def ask(method: str, request: Any, *sent: tuple[str, str]) -> tuple[Any, Mapping[str, str]]:
                    call = channel.unary_unary(f"/{INFERENCE_SERVICE}/{method}")(
                        request if isinstance(request, bytes) else request.SerializeToString(),
                        metadata=sent,
                        timeout=30,
                    )
                    body = await call
                    return message_class(f"{method}Response").FromString(body), dict(await call.initial_metadata())

                await asked(ask)
        finally:
            await server.stop(1)

    asyncio.run(whole())
    return application


def infer_request(columns: Mapping[str, tuple[str, list[Any]]] = ROWS, *, raw: bool = False, **more: Any) -> Any:
    request = message_class("ModelInferRequest")(**{"model_name": "m", **more})
    for name, (datatype, values) in columns.items():
        tensor = request.inputs.add(name=name, datatype=datatype, shape=[len(values)])
        if not raw:
            getattr(tensor.contents, FIELDS[datatype]).extend(values)
        elif datatype == "BYTES":
            request.raw_input_contents.append(b"".join(len(one).to_bytes(4, "little") + one for one in values))
        else:
            request.raw_input_contents.append(np.array(values, dtype=NUMPY[datatype]).tobytes())
    return request


async def refused(ask: Ask, request: Any, *sent: tuple[str, str], method: str = "ModelInfer") -> tuple[str, str]:
    """Return the status of a call that is refused, and what is said."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await ask(method, request, *sent)
    return raised.value.code().name, raised.value.details() or ""


@pytest.mark.parametrize("raw", [False, True])
def test_answer_comes_in_the_form_of_the_request_and_is_that_of_predict(tmp_path: Path, raw: bool) -> None:
    async def asked(ask: Ask) -> None:
        answer, head = await ask("ModelInfer", infer_request(raw=raw, id="mine"), ("x-request-id", "r1"))
        (output,) = answer.outputs
        assert (answer.model_name, answer.model_version, answer.id) == ("m", "v7", "mine")
        assert (output.name, output.datatype, list(output.shape)) == ("prediction", "FP32", [2])
        numbers = np.frombuffer(answer.raw_output_contents[0], "<f4") if raw else output.contents.fp32_contents
        assert list(numbers) == [3.5, 5.5]
        assert bool(answer.raw_output_contents) == raw
        assert (head["x-request-id"], head["x-mlops-version"]) == ("r1", "v7")

    application = served(tmp_path, asked)
    rows = [{"number": 1.5, "place": 2, "color": "red"}, {"number": 2.5, "place": 3, "color": "blue"}]
    plain = ask_application(application, "POST", "/predict", json={"rows": rows}).json()["predictions"]
    assert [row["y"] for row in plain] == [3.5, 5.5]


def test_health_and_metadata_are_those_of_rest(tmp_path: Path) -> None:
    async def asked(ask: Ask) -> None:
        assert (await ask("ServerLive", message_class("ServerLiveRequest")()))[0].live
        assert (await ask("ServerReady", message_class("ServerReadyRequest")()))[0].ready
        assert (await ask("ModelReady", message_class("ModelReadyRequest")(name="m", version="v7")))[0].ready
        server, _ = await ask("ServerMetadata", message_class("ServerMetadataRequest")())
        assert (server.name, server.version) == ("mlops", "v7")
        model, _ = await ask("ModelMetadata", message_class("ModelMetadataRequest")(name="m"))
        assert [(one.name, one.datatype, list(one.shape)) for one in model.inputs][:2] == [
            ("number", "FP64", [-1]), ("place", "INT64", [-1]),
        ]  # fmt: skip
        assert (list(model.versions), [one.name for one in model.outputs]) == (["v7"], ["prediction"])
        for method in ("ModelReady", "ModelMetadata"):
            other = message_class(f"{method}Request")(name="other")
            assert (await refused(ask, other, method=method))[0] == "NOT_FOUND"
        assert (await refused(ask, infer_request(model_version="v1")))[0] == "NOT_FOUND"

    served(tmp_path, asked)


def one(name: str, datatype: str, values: list[Any], **more: Any) -> Any:
    return infer_request({"place": ("INT32", [1] * len(values)), name: (datatype, values)}, **more)


def _hostile() -> dict[str, tuple[Any, str]]:
    """Return name -> a request that must be refused, and words of the refusal."""
    fine = infer_request()
    shape, both, few, twice, output, other_field, empty = (message_class("ModelInferRequest")() for _ in range(7))
    for request in (shape, both, twice, output, other_field):
        request.CopyFrom(fine)
    shape.inputs[0].shape[:] = [2**62]
    both.raw_input_contents.extend([b""] * 3)
    few.CopyFrom(infer_request(raw=True))
    del few.raw_input_contents[-1]
    twice.inputs.add().CopyFrom(fine.inputs[0])
    output.outputs.add(name="x")
    other_field.inputs[0].contents.fp32_contents.append(1)
    empty.model_name = "m"
    many = message_class("ModelInferRequest")(model_name="m")
    for index in range(200):
        many.inputs.add(name=f"c{index}", datatype="FP64", shape=[0])
    return {
        "no message": (b"\xff\xff\xff", "no ModelInferRequest"), "nothing": (empty, "different numbers of rows"),
        "shape": (shape, "number: must have the shape [2]"), "contents and raw": (both, "beside the request's raw"),
        "too few raw": (few, "2 raw_input_contents for 3 inputs"), "twice": (twice, "number: stands twice"),
        "output": (output, "the model has one output, prediction"), "other field": (other_field, "not in fp32_contents"),
        "200 inputs": (many, "200 inputs, and the model knows"),
        "rows": (infer_request({"place": ("INT32", [1] * 101)}), "101 rows, and a request may have 100"),
        "infinite": (one("number", "FP64", [1.0, float("inf")]), "row 1, number: is infinite"),
        "infinite as int": (infer_request({"place": ("FP64", [float("-inf")])}), "row 0, place: is infinite"),
        "infinite raw": (one("number", "FP64", [float("inf")], raw=True), "row 0, number: is infinite"),
        "half as int": (infer_request({"place": ("FP64", [2.5])}), "row 0, place: must be a whole number"),
        "no text": (one("color", "BYTES", [b"\xff"]), "row 0, color: is text that is not UTF-8"),
        "NUL": (one("color", "BYTES", [b"a\0"]), "row 0, color: must be text without"),
        "text as number": (one("number", "BYTES", [b"5"]), "row 0, number: must be a number"),
        "unknown": (one("numbr", "FP64", [1.0]), "did you mean number"),
        "no rows": (infer_request({"color": ("BYTES", [])}), "at least one row"),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(_hostile()))
def test_request_that_cannot_be_answered_is_an_invalid_argument(tmp_path: Path, name: str) -> None:
    request, words = _hostile()[name]

    async def asked(ask: Ask) -> None:
        code, said = await refused(ask, request)
        assert (code, words in said) == ("INVALID_ARGUMENT", True), said
        assert list((await ask("ModelInfer", infer_request()))[0].outputs[0].contents.fp32_contents) == [3.5, 5.5]

    application = served(tmp_path, asked)
    assert application.meter.answers[200] == 1
    assert application.meter.answers[500] == 0
    assert sum(application.meter.answers.values()) == 2


def test_bad_row_harms_its_own_call_alone(tmp_path: Path) -> None:
    async def asked(ask: Ask) -> None:
        good = [ask("ModelInfer", one("number", "FP64", [float(index)])) for index in range(30)]
        bad = [refused(ask, one("number", "FP64", [float("inf")])) for _ in range(10)]
        *answers, _ = await asyncio.gather(*good, asyncio.gather(*bad))
        assert [answer.outputs[0].contents.fp32_contents[0] for answer, _ in answers] == [1.0 + n for n in range(30)]
        assert (await refused(ask, b"\0" * (2**20 + 1)))[0] == "RESOURCE_EXHAUSTED"

    served(tmp_path, asked)


def test_missing_value_is_nan_and_half_precision_comes_raw(tmp_path: Path) -> None:
    async def asked(ask: Ask) -> None:
        request = infer_request({"place": ("INT32", [1, 2]), "number": ("FP64", [float("nan"), 1.0])})
        (output,) = (await ask("ModelInfer", request))[0].outputs
        assert np.isnan(output.contents.fp32_contents[0])
        assert output.contents.fp32_contents[1] == 3.0
        answer, _ = await ask(
            "ModelInfer", infer_request({"place": ("FP16", [2.0]), "number": ("FP16", [0.5])}, raw=True)
        )
        assert np.frombuffer(answer.raw_output_contents[0], "<f4").tolist() == [2.5]
        half = message_class("ModelInferRequest")(model_name="m")
        half.inputs.add(name="number", datatype="FP16", shape=[1]).contents.fp32_contents.append(1.0)
        assert "comes as raw_input_contents alone" in (await refused(ask, half))[1]

    served(tmp_path, asked)


def test_call_stands_in_log_and_metrics_as_predict_would(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log", "v7", sample=1.0, flush=0.05, keep=3600)

    async def asked(ask: Ask) -> None:
        answer, head = await ask("ModelInfer", one("number", "FP64", [99.0]))
        assert json.loads(answer.parameters["outside"].string_param)[0]["column"] == "number"
        await ask("ModelInfer", infer_request(), ("x-mlops-probe", "1"))
        await refused(ask, one("numbr", "FP64", [1.0]))
        _, own = await ask("ModelInfer", infer_request(id="mine"))
        assert own["x-request-id"] == "mine"
        ids.append(head["x-request-id"])

    ids: list[str] = []
    application = served(tmp_path, asked, log=log)
    assert ask_application(application, "POST", "/feedback", json={"id": ids[0], "label": 3.0}).status_code == 202
    log.close()
    assert (application.meter.rows, application.meter.outside) == (3, 1)
    assert (application.meter.answers[200], application.meter.answers[422]) == (2, 1)
    lines = [line for line in logged_lines(tmp_path / "log") if "n" not in line]
    first, second, label = lines
    assert (first["id"], first["q"]) == (ids[0], {"rows": [{"place": 1, "number": 99.0}]})
    assert (first["a"]["predictions"], first["a"]["version"]) == ([{"y": 100.0}], "v7")
    assert (second["id"], len(second["q"]["rows"])) == ("mine", 2)
    assert label["f"] == {"id": ids[0], "label": 3.0}


def test_key_is_needed_for_all_but_health(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a-key\n")

    async def asked(ask: Ask) -> None:
        await ask("ServerReady", message_class("ServerReadyRequest")())
        for sent in ((), (("x-api-key", "other"),)):
            assert (await refused(ask, infer_request(), *sent))[0] == "UNAUTHENTICATED"
            metadata = message_class("ServerMetadataRequest")()
            assert (await refused(ask, metadata, *sent, method="ServerMetadata"))[0] == "UNAUTHENTICATED"
        await ask("ModelInfer", infer_request(), ("x-api-key", "a-key"))

    served(tmp_path, asked, key=KeyFile(tmp_path / "key"))


def test_server_that_ends_is_live_and_not_ready(tmp_path: Path) -> None:
    async def asked(ask: Ask) -> None:
        assert not (await ask("ServerReady", message_class("ServerReadyRequest")()))[0].ready
        assert not (await ask("ModelReady", message_class("ModelReadyRequest")(name="m")))[0].ready
        assert (await ask("ServerLive", message_class("ServerLiveRequest")()))[0].live

    served(tmp_path, asked, draining=True)
