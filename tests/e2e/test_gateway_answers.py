"""The real gateway before the real server: every error is JSON in one shape, whoever answers it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from mlops.contracts.codec import encode
from mlops.contracts.server import ServerConfig
from mlops.tools.envoy import EnvoyGateway
from mlops.tools.envoy_documents import GateKey, Route, RoutingTable
from mlops.tools.process import beside_python
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
        self.envoy.put(RoutingTable(routes, self.sockets))


def until(fits: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not fits():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    root = tmp_path
    model = write_served_model(root / "model", cors=["https://app.example.com"])
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
