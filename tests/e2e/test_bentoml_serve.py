"""`bentoml serve` runs a bento as BentoML's users run it: it answers what our own server answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import httpx
import pytest

from mlops.contracts.codec import encode
from mlops.contracts.server import ServerConfig
from tests.e2e.conftest import BIN, Workplace, make_small
from tests.ports import any_port
from tests.workloads.hostile_requests import hostile_requests

OF_ONE_ANSWER = {"id", "version", "model_version"}
ROW = {"number": 0.5, "color": "red"}
TENSOR = {"name": "number", "shape": [2, 1], "datatype": "FP64", "data": [0.25, -3]}
COLORS = {"name": "color", "shape": [2, 1], "datatype": "BYTES", "data": ["red", "blue"]}
GOOD: list[tuple[str, str, Any]] = [
    ("POST", "/predict", ROW), ("POST", "/predict?explain=true", ROW),
    ("POST", "/predict", {"rows": [ROW, {"number": None, "color": "violet"}, {"number": -1e6, "color": "blue"}]}),
    ("POST", "/v2/models/late/infer", {"inputs": [TENSOR, COLORS]}), ("POST", "/v1/models/late:predict", {"instances": [ROW]}),
    ("GET", "/openapi.json", None), ("GET", "/v2/models/late", None), ("GET", "/v2", None), ("GET", "/v1/models/late", None),
    ("GET", "/nothing", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Ours and BentoML's, each with the bento of the same package."""
    place = make_small(tmp_path_factory.mktemp("bento") / "project")
    (place.root / "conf/package/late.yaml").write_text("model: late\napi: { explain: true }\n")
    place.mlops("apply", "--yes", "--target", "package.late")
    outputs = json.loads(place.mlops("show", "package.late", "--format", "json").stdout)[0]["outputs"]
    with ExitStack() as stack:
        clients = ours(place, stack), bentoml(place, outputs["tag"], stack)
        for client in clients:
            stack.callback(client.close)
            until(partial(is_ready, client))
        yield clients


def ours(place: Workplace, stack: ExitStack) -> httpx.Client:
    (model,) = place.root.glob(".mlops/bentos/bentos/late/*/src/model")
    socket, config = place.root / "s.sock", place.root / "server.json"
    config.write_text(encode(ServerConfig(version="bento", bento=str(model), uds=str(socket), log=None)))
    run([sys.executable, "-m", "mlops.workloads.serving.server", str(config)], place, stack)
    until(socket.exists)
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://x", timeout=20)


def bentoml(place: Workplace, tag: str, stack: ExitStack) -> httpx.Client:
    port = any_port()
    run([str(BIN / "bentoml"), "serve", tag, "--host", "127.0.0.1", "--port", str(port)], place, stack)
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)


def run(command: list[str], place: Workplace, stack: ExitStack) -> None:
    environment = {**os.environ, "BENTOML_HOME": str(place.root / ".mlops/bentos"), "BENTOML_DO_NOT_TRACK": "True"}
    with (place.root / "servers.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=place.root, env=environment, stdout=log, stderr=log)
    stack.callback(process.wait, 30)
    stack.callback(process.terminate)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def said(answer: httpx.Response) -> tuple[int, Any]:
    """Return the status and the content, without what is of this answer alone."""
    content = answer.json() if answer.content else None
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if name not in OF_ONE_ANSWER}
    return answer.status_code, content


def test_a_bento_answers_the_same_under_bentoml_serve(servers: tuple[httpx.Client, httpx.Client]) -> None:
    for method, path, body in GOOD:
        first, second = (said(client.request(method, path, json=body)) for client in servers)
        assert first == second, path
        assert first[0] == (404 if path == "/nothing" else 200), first


def test_hostile_requests_are_refused_with_the_same_words(servers: tuple[httpx.Client, httpx.Client]) -> None:
    """Those that are HTTP at all: what is no request, each HTTP server refuses in its own way."""
    asked = 0
    for name, request in hostile_requests().items():
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = f"{first}  ".replace("/models/m", "/models/late").split(" ", 2)
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        if headers.get("content-length") != str(len(body)) or len(lines) > 5 or method not in ("POST", "PUT", "DELETE"):
            continue
        told = [said(client.request(method, path, content=body, headers=headers)) for client in servers]
        assert told[0] == told[1], name
        assert told[0][0] < 500, name
        asked += 1
    assert asked > 100
