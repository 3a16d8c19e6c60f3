"""The real gateway before the real server: every error is JSON in one shape, whoever answers it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
import pytest

from mlops.contracts.codec import encode
from mlops.contracts.server import ServerConfig
from mlops.tools.envoy import EnvoyGateway
from mlops.tools.envoy_documents import GateKey, Route, RoutingTable
from mlops.tools.envoy_split import TrafficSplit
from mlops.tools.process import beside_python
from mlops.workloads.serving.inference_messages import INFERENCE_SERVICE, message_class
from tests.ports import any_port
from tests.served_model import write_served_model

pytestmark = pytest.mark.slow
KEY = {"x-api-key": "a-key"}
KEYS = {"default": GateKey(["a-key"])}
ROW = {"number": 5, "place": 2}


@dataclass
class Gateway:
    client: httpx.Client
    envoy: EnvoyGateway
    server: subprocess.Popen[bytes]
    sockets: dict[str, list[str]]

    def put(self, *routes: Route) -> None:
        self.envoy.put(RoutingTable(routes, self.sockets, [one for route in routes for one in route.grpc]))


def until(fits: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not fits():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    root = tmp_path
    model = write_served_model(root / "model", cors=["https://app.example.com"], grpc=True)
    socket, config, port = root / "s.sock", root / "config.json", any_port()
    config.write_text(encode(ServerConfig(version="v1", bento=str(model), uds=str(socket), log=None)))
    envoy = EnvoyGateway(root / "gateway", root / "admin.sock")
    envoy.prepare("127.0.0.1", port)
    server = subprocess.Popen([sys.executable, "-m", "mlops.workloads.serving.server", str(config)])
    proxy = subprocess.Popen(envoy.command(beside_python("envoy")))
    try:
        until(lambda: socket.exists() and envoy.is_ready() and envoy.listens(port))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            sockets = {"m-v1": [str(socket)], "m-gone": [str(root / "gone.sock")]}
            yield Gateway(client, envoy, server, sockets)
    finally:
        for process in (proxy, server):
            process.kill()
            process.wait(20)


def error_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/json"
    content = answer.json()
    assert isinstance(content["error"], str)
    return str(content["error"])


def test_errors_of_the_gateway_have_the_shape_of_the_service(gateway: Gateway) -> None:
    ask = gateway.client
    assert "nothing is served at this address" in error_of(ask.get("/other/predict"))
    gateway.put(
        Route("m", {"m-v1": 100}, KEYS, rate=(3, 3600.0)), Route("none", {"m-v1": 0}), Route("gone", {"m-gone": 100}),
        Route("open", {"m-v1": 100}),
    )  # fmt: skip
    until(lambda: ask.post("/open/predict", json=ROW).status_code == 200)
    denied = ask.post("/m/predict", json=ROW)
    assert (denied.status_code, error_of(denied)) == (401, "the header x-api-key is missing or wrong")
    unserved = ask.post("/none/predict", json=ROW)
    assert (unserved.status_code, error_of(unserved)) == (503, "no version of this endpoint is live")
    gone = ask.post("/gone/predict", json=ROW)
    assert (gone.status_code, gone.headers["retry-after"]) == (503, "1")
    assert error_of(gone).endswith("send this one again shortly")
    answers = [ask.post("/m/predict", json=ROW, headers=KEY) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "too many requests" in error_of(answers[3])
    large = ask.post("/open/predict", content=b" " * (2**20 + 1))
    assert (large.status_code, "more than 1,048,576 bytes" in large.text) == (413, True)
    error_of(large)
    assert "not found" in error_of(ask.get("/open/nothing"))
    assert gateway.envoy.keys() == {"m": ["a-key"]}
    late = ask.post("/open/predict", content=b"{}", headers={"expect": "100-continue", "content-encoding": "br"})
    assert late.status_code == 415


def test_answer_that_takes_too_long_is_said_in_the_same_shape(gateway: Gateway) -> None:
    routes = gateway.envoy.folder / "routes.json"
    gateway.put(Route("open", {"m-v1": 100}))
    until(lambda: gateway.client.post("/open/predict", json=ROW).status_code == 200)
    written = json.loads(routes.read_text())
    changed = json.loads(json.dumps(written).replace('"timeout": "30s"', '"timeout": "0.2s"'))
    gateway.envoy._put("routes.json", changed["resources"], gateway.envoy._has_routes, 10.0)
    gateway.server.send_signal(subprocess.signal.SIGSTOP)  # type: ignore[attr-defined]
    answer = gateway.client.post("/open/predict", json=ROW)
    assert (answer.status_code, "took too long" in error_of(answer)) == (504, True)


def test_page_and_what_browsers_ask_first_need_no_key(gateway: Gateway) -> None:
    gateway.put(Route("m", {"m-v1": 100}, KEYS))
    ask = gateway.client
    until(lambda: ask.post("/m/predict", json=ROW, headers=KEY).status_code == 200)
    bare = ask.get("/m")
    assert (bare.status_code, bare.headers["location"]) == (307, f"{ask.base_url}/m/")
    for path in ("/m/", "/m/docs"):
        assert "<html" in ask.get(path).text
    assert ask.get("/m/openapi.json").status_code == 401
    assert ask.get("/m/openapi.json", headers=KEY).json()["servers"] == [{"url": "."}]
    asks_first = {"origin": "https://app.example.com", "access-control-request-method": "POST"}
    allowed = ask.options("/m/predict", headers=asks_first)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, "https://app.example.com")
    assert ask.options("/m/predict", headers={"origin": "https://app.example.com"}).status_code == 401
    assert ask.head("/m/readyz", headers=KEY).status_code == 200
    assert ask.post("/m/v2/models/m/infer", json={}).status_code == 401
    assert ask.post("/m/predict", json=ROW, headers={**KEY, "x-mlops-probe": "1"}).status_code == 200


@dataclass(frozen=True)
class Called:
    """How a call was answered: its status, what was said of it, the numbers and the metadata that came with them."""

    status: str
    said: str = ""
    numbers: Sequence[float] = ()
    head: Mapping[str, str] = field(default_factory=dict)


def call(gateway: Gateway, *sent: tuple[str, str], values: Sequence[float] = (5.0,)) -> Called:
    request = message_class("ModelInferRequest")(model_name="m")
    for name in ("number", "place"):
        request.inputs.add(name=name, datatype="FP64", shape=[len(values)]).contents.fp64_contents.extend(values)
    address = str(gateway.client.base_url).removeprefix("http://")
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary(f"/{INFERENCE_SERVICE}/ModelInfer")
        try:
            body, done = ask.with_call(request.SerializeToString(), metadata=sent, timeout=20)
        except grpc.RpcError as error:
            return Called(error.code().name, error.details())
    answer = message_class("ModelInferResponse").FromString(body)
    numbers = list(answer.outputs[0].contents.fp32_contents)
    return Called("OK", numbers=numbers, head=dict(done.initial_metadata()))


def test_calls_over_grpc_pass_the_gate_of_their_endpoint_and_count_as_its_requests(gateway: Gateway) -> None:
    to_m, to_open, key = ("x-mlops-endpoint", "m"), ("x-mlops-endpoint", "open"), ("x-api-key", "a-key")
    spent = {"spent": GateKey(["old"], is_spent=True), **KEYS}
    asked = TrafficSplit(asked={"v1": "m-v1", "candidate": "m-gone"})
    gateway.put(
        Route("m", {"m-v1": 100}, spent, rate=(3, 3600.0), split=asked, grpc=["m-v1"]),
        Route("open", {"m-v1": 50, "m-gone": 50}, grpc=["m-v1"]), Route("http", {"m-v1": 100}),
    )  # fmt: skip
    until(lambda: call(gateway, to_open).status == "OK")
    before = gateway.envoy.counters("m-v1")[0].get("upstream_rq_total", 0)
    answer = call(gateway, to_open, ("x-request-id", "mine"), values=(1.0, 2.0))
    assert (answer.numbers, answer.head["x-request-id"], answer.head["x-mlops-version"]) == ([2.0, 4.0], "mine", "v1")
    for sent in ((), (("x-mlops-endpoint", "http"),), (("x-mlops-endpoint", "no"),)):
        refused = call(gateway, *sent)
        assert (refused.status, "name one in the metadata x-mlops-endpoint" in refused.said) == ("UNIMPLEMENTED", True)
    assert call(gateway, to_m) == Called("UNAUTHENTICATED", "the header x-api-key is missing or wrong")
    assert call(gateway, to_m, ("x-api-key", "old")).status == "UNAVAILABLE"
    assert call(gateway, to_m, key, ("x-mlops-version", "v1")).status == "OK"
    bad = call(gateway, to_m, key, values=(1.5,))
    assert (bad.status, "row 0, place: must be a whole number" in bad.said) == ("INVALID_ARGUMENT", True)
    assert gateway.client.post("/m/predict", json=ROW, headers=KEY).status_code == 200
    limited = call(gateway, to_m, key)
    assert (limited.status, "too many requests" in limited.said) == ("RESOURCE_EXHAUSTED", True)
    assert gateway.envoy.keys() == {"m": ["a-key", "old"]}

    def counted() -> tuple[float, float, float, int]:
        now = gateway.envoy.counters("m-v1")[0]
        keyed = gateway.envoy.key_counters().get(("m", "default"), 0)
        return now["upstream_rq_total"] - before, now["upstream_rq_4xx"], now.get("upstream_rq_5xx", 0), int(keyed)

    until(lambda: counted() == (4.0, 1.0, 0.0, 3))
    assert gateway.envoy.answered()["m-v1"][1] == 0
    text = gateway.client.get("/http/metrics").text
    assert 'mlops_requests_total{model="m",version="v1",status="422"} 1' in text
    gateway.server.kill()
    gateway.server.wait(20)
    assert call(gateway, to_open).status == "UNAVAILABLE"
    until(lambda: gateway.envoy.answered()["m-v1"][1] >= 1)
