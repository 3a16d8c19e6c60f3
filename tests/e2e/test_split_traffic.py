"""What the real gateway does while several versions answer: copies, clients that stay with a version, and those who ask for one."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer

import httpx
import pytest

from mlops.contracts.names import PROBE_HEADER
from mlops.tools.envoy import EnvoyGateway
from mlops.tools.envoy_documents import GateKey, Route, RoutingTable
from mlops.tools.envoy_split import TrafficSplit
from mlops.tools.process import beside_python
from tests.e2e.test_faults import until


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


@dataclass
class Version:
    """Answers every request with its name. `asked`: the marks of copies that requests had."""

    name: str
    folder: Path
    asked: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        version = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                version.asked.append(self.headers.get(PROBE_HEADER))
                self._say(version.name.encode())

            def do_GET(self) -> None:
                self._say(b"ready")

            def _say(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "gateway"

            def log_message(self, *words: object) -> None:
                pass

        self.server = _Server(str(self.socket), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def socket(self) -> Path:
        return self.folder / f"{self.name}.sock"


@dataclass
class Gateway:
    envoy: EnvoyGateway
    url: str
    versions: tuple[Version, Version]
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20))

    def route(self, weights: dict[str, int], split: TrafficSplit, key: str | None = None) -> None:
        clusters = {name: [str(one.socket)] for one in self.versions for name in (one.name, f"{one.name}-asked")}
        keys = None if key is None else {"default": GateKey([key])}
        self.envoy.put(RoutingTable((Route("late", weights, keys, split=split),), clusters))

    def ask(self, **headers: str) -> str:
        return self.client.post(f"{self.url}/late/predict", content=b"{}", headers=headers).text


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("split")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    envoy = EnvoyGateway(folder / "gateway", folder / "admin.sock")
    envoy.prepare("127.0.0.1", port)
    versions = (Version("v1", folder), Version("v2", folder))
    process = subprocess.Popen(
        envoy.command(beside_python("envoy")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: envoy.is_ready() and envoy.listens(port))
        yield Gateway(envoy, f"http://127.0.0.1:{port}", versions)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        for version in versions:
            version.server.shutdown()
            version.server.server_close()


def test_copies_reach_the_shadow_marked_as_such_and_nobody_gets_its_answers(gateway: Gateway) -> None:
    live, shadow = gateway.versions
    gateway.route({"v1": 100, "v2": 0}, TrafficSplit(mirror="v2"))
    live.asked.clear()
    shadow.asked.clear()
    assert {gateway.ask(**{PROBE_HEADER: "1"}) for _ in range(20)} == {"v1"}
    until(lambda: len(shadow.asked) == 20)
    assert shadow.asked == ["1"] * 20
    assert live.asked == [None] * 20
    assert gateway.envoy.counters("v2")[0]["upstream_rq_total"] >= 20


@pytest.mark.parametrize("share", [50, 20])
def test_client_stays_with_one_version(gateway: Gateway, share: int) -> None:
    gateway.route({"v1": 100 - share, "v2": share}, TrafficSplit(assigned=True, header="x-user"))
    users = [f"user-{number}" for number in range(60)]
    first = {user: gateway.ask(**{"x-user": user}) for user in users}
    assert {user: gateway.ask(**{"x-user": user}) for user in users} == first
    assert abs(Counter(first.values())["v2"] - 0.6 * share) < 20


def test_browser_stays_with_one_version_by_a_cookie_of_its_site(gateway: Gateway) -> None:
    gateway.route({"v1": 50, "v2": 50}, TrafficSplit(assigned=True, cookie="uid"))
    said = {str(number): {gateway.ask(cookie=f"other=1; uid={number}") for _ in range(4)} for number in range(20)}
    assert {len(versions) for versions in said.values()} == {1}
    assert set.union(*said.values()) == {"v1", "v2"}
    assert {gateway.ask() for _ in range(30)} == {"v1", "v2"}


def test_tester_gets_the_version_that_is_asked_for(gateway: Gateway) -> None:
    asked = {"candidate": "v2-asked", "live": "v1-asked", "v2": "v2-asked", "v1": "v1-asked"}
    gateway.route({"v1": 100}, TrafficSplit(asked=asked, mirror="v2"))
    before = gateway.envoy.counters("v2")[0].get("upstream_rq_total", 0.0)
    assert [gateway.ask(**{"x-mlops-version": name}) for name in ("candidate", "v2", "live", "v1", "v9")] == [
        "v2", "v2", "v1", "v1", "v1"
    ]  # fmt: skip
    until(
        lambda: gateway.envoy.counters("v2")[0]["upstream_rq_total"] == before + 1
    )  # the copy of what nobody asked for
    gateway.route({"v1": 100}, TrafficSplit(asked=asked), key="secret")
    assert gateway.ask(**{"x-mlops-version": "candidate", "x-api-key": "secret"}) == "v2"
    assert "x-api-key" in json.loads(gateway.ask(**{"x-mlops-version": "candidate"}))["error"]
    assert gateway.envoy.keys() == {"late": ["secret"]}
