"""A container's server in this process: its configuration, the key, draining, and the readiness probe."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import onnx
import pytest
import uvicorn
from onnx import TensorProto, helper

from mlops.contracts.names import PROBE_HEADER
from mlops.contracts.server import LogConfig, ServerConfig
from mlops.workloads.serving.answer import AnswerWriter, read_predictions
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.auth_middleware import KeyRequired
from mlops.workloads.serving.listen import Draining
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.probe import NotReady, check, worst_of
from mlops.workloads.serving.request_head import asks_itself
from mlops.workloads.serving.server_settings import KeyFile, Misconfigured, read_server_config

KEY = {"x-api-key": "a-key"}
CONTRACT = {
    "model": "m", "task": "regression", "label": "y", "classes": [], "output": "prediction",
    "columns": [{"name": "number", "type": "float", "nullable": True}],
    "outputs": [{"name": "prediction", "type": "float", "shape": [None]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers with the number that it is given."""
    folder = tmp_path_factory.mktemp("model")
    given = helper.make_tensor_value_info("number", TensorProto.DOUBLE, ["N", 1])
    gives = helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, ["N"])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    node = helper.make_node("Squeeze", ["number", "axes"], ["prediction"])
    graph = helper.make_graph([node], "g", [given], [gives], [axes])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), folder / "model.onnx"
    )
    golden = {"rows": [{"number": 1.5}, {"number": -2.0}], "predictions": [1.5, -2.0], "tolerance": 1e-4}
    api = {"max_rows": 100, "gather": True, "threshold": 0.5, "threads": 1}
    for name, content in (("contract", CONTRACT), ("golden", golden), ("api", api)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("a-key\n")
    return path


def until(fits: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not fits():
        assert time.monotonic() < end
        time.sleep(0.005)


@contextmanager
def serving(
    application: Application, through: Any = None, drain: float = 0.0
) -> Iterator[tuple[Draining, ServerConfig]]:
    """A server on a free port in a thread of this process, ended as the signal would end it."""
    config = uvicorn.Config(
        through or application, host="127.0.0.1", port=0, lifespan="off", log_level="warning", proxy_headers=False
    )
    server = Draining(config, application, drain)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        until(lambda: server.started)
        yield server, ServerConfig(version="v1", log=None, port=server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)


def ask(application: Any, method: str, path: str, **more: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://x") as client:
            return await client.request(method, path, **more)

    return asyncio.run(once())


def test_a_variable_that_is_unset_has_a_default() -> None:
    assert read_server_config({"MLOPS_VERSION": "v3", "MLOPS_PORT": ""}) == ServerConfig(version="v3", log=None)
    config = read_server_config(
        {"MLOPS_VERSION": "v3", "MLOPS_LOG_DIR": "/log", "MLOPS_DRAIN": "2.5", "MLOPS_PORT": "81"}
    )
    assert (config.log, config.drain, config.port) == (LogConfig(dir="/log"), 2.5, 81)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"MLOPS_VERSION": ""}, "MLOPS_VERSION is ''"),
        ({"MLOPS_VERSION": "../v1"}, "without blanks, slashes"),
        ({"MLOPS_PORT": "http"}, "MLOPS_PORT is 'http'. It must be a whole number from 1 to 65535"),
        ({"MLOPS_PORT": "70000"}, "from 1 to 65535"),
        ({"MLOPS_LOG_SAMPLE": "2"}, "a number from 0 to 1"),
        ({"MLOPS_DRAIN": "-1"}, "a number of at least 0"),
        ({"MLOPS_GRACE": "nan"}, "MLOPS_GRACE"),
    ],
)
def test_a_variable_that_does_not_fit_is_named_in_a_sentence(env: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words.replace("(", r"\(")):
        read_server_config({"MLOPS_VERSION": "v1", **env})


def test_request_without_the_key_gets_health_readiness_and_metrics_alone(model: Path, key_file: Path) -> None:
    application = Application(model, "v1")
    keyed = KeyRequired(application, KeyFile(key_file))
    assert application.open_paths == {
        "/healthz", "/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready", "/v2/models/m/ready",
        "/v2/models/m/versions/v1/ready", "/", "/docs",
    }  # fmt: skip
    assert {ask(keyed, "GET", path).status_code for path in application.open_paths} == {200}
    for method, path in (
        ("POST", "/predict"),
        ("POST", "/v2/models/m/infer"),
        ("GET", "/openapi.json"),
        ("GET", "/no"),
    ):
        answer = ask(keyed, method, path, json={"number": 1})
        assert (answer.status_code, answer.json()) == (401, {"error": "the header x-api-key is missing or wrong"})
    assert ask(keyed, "POST", "/predict", json={"number": 1}, headers={"x-api-key": "b-key"}).status_code == 401
    assert ask(keyed, "POST", "/predict", json={"number": 1}, headers=KEY).json()["predictions"] == [{"y": 1}]


def test_a_rotated_key_counts_at_once_and_an_emptied_file_changes_nothing(key_file: Path) -> None:
    key = KeyFile(key_file)
    other = key_file.with_name("other")
    other.write_text("another")
    os.utime(other, (1, 1))
    other.replace(key_file)
    assert key.fits(b"another")
    assert not key.fits(b"a-key")
    key_file.write_text("")
    assert key.fits(b"another")
    key_file.unlink()
    assert key.fits(b"another")


def test_a_key_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="which cannot be read: No such file"):
        KeyFile(tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(Misconfigured, match="which is empty"):
        KeyFile(tmp_path / "empty")


def test_the_probe_says_ready_once_the_golden_rows_are_answered(model: Path, key_file: Path, tmp_path: Path) -> None:
    log = PredictionLog(tmp_path / "log", "v1", sample=1.0, flush=0.01, keep=3600)
    application = Application(model, "v1", log)
    key = KeyFile(key_file)
    with serving(application, KeyRequired(application, key)) as (_, config):
        assert check(config, key.value(), model) == "ready: v1 answered 2 golden rows, 0 away at most"
        with pytest.raises(NotReady, match="the golden request got 401"):
            check(config, None, model)
    log.close()
    assert not list((tmp_path / "log").iterdir()), "a probe is not logged"
    assert "mlops_rows_total" in (text := ask(application, "GET", "/metrics").text)
    assert 'mlops_rows_total{model="m",version="v1"} 0' in text


def test_probe_header_counts_from_this_machine_alone() -> None:
    head = {PROBE_HEADER.encode(): b"golden"}
    are_probes = [asks_itself(head, {"client": client}) for client in (("10.0.0.9", 1), ("127.0.0.1", 1), None)]
    assert are_probes == [False, True, True], (
        "by a Unix socket come this user, and the gateway, which takes the header off"
    )


def test_the_probe_says_why_it_is_not_ready(model: Path, tmp_path: Path) -> None:
    golden = json.loads((model / "golden.json").read_text())
    for name, text in (
        ("golden.json", json.dumps({**golden, "predictions": [1.5, -1.0]})),
        ("contract.json", json.dumps(CONTRACT)),
    ):
        (tmp_path / name).write_text(text)
    application = Application(model, "v1")
    with serving(application) as (_, config):
        with pytest.raises(NotReady, match="answered 1 away from what the model predicted"):
            check(config, None, tmp_path)
        application.draining = True
        with pytest.raises(NotReady, match="/readyz answered 503"):
            check(config, None, model)
    with pytest.raises(NotReady, match="gave no answer"):
        check(config, None, model)


def test_the_first_signal_drains_and_a_second_one_ends_it(model: Path) -> None:
    application = Application(model, "v1")
    with serving(application, drain=3600) as (server, config):
        server.handle_exit(signal.SIGTERM, None)
        url = f"http://127.0.0.1:{config.port}"
        assert httpx.get(f"{url}/readyz").status_code == 503
        assert httpx.get(f"{url}/healthz").status_code == 200
        answer = httpx.post(f"{url}/predict", json={"number": 1})
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert not server.should_exit
        server.handle_exit(signal.SIGTERM, None)
        assert server.should_exit


def test_server_ends_by_itself_when_its_drain_is_over(model: Path) -> None:
    with serving(Application(model, "v1"), drain=0.05) as (server, _):
        server.handle_exit(signal.SIGTERM, None)
        until(lambda: server.should_exit)


@pytest.mark.parametrize(
    ("task", "classes", "predictions"),
    [("binary", [False, True], [0.25, 0.5]), ("multiclass", ["a", "b"], [[0.25, 0.75]]), ("regression", [], [1.5, -2])],
)
def test_written_predictions_read_back(task: str, classes: list[Any], predictions: list[Any]) -> None:
    contract = {"task": task, "label": "y", "classes": classes}
    assert read_predictions(json.loads(AnswerWriter(contract, "v1", 0.5).write(predictions)), contract) == predictions


def test_an_answer_that_is_no_number_is_infinitely_far_away() -> None:
    assert worst_of([1.0, [0.25, 3.0]], [1.0, [0.75, 3.0]]) == 0.5
    assert worst_of([1.0, [2.0, 3.0]], [1.0, [2.0, 4.0]]) == 0.25  # a share of what is expected
    for got in ([None], [float("nan")], [], [[1.0]]):
        assert worst_of(got, [1.0]) == float("inf")


def test_the_probe_imports_nothing_heavy() -> None:
    code = "import sys; import mlops.workloads.serving.probe; print({'numpy', 'onnxruntime', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
