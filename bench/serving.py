"""How many requests are answered.

Lives here: one-row requests to the fast path, through the gateway, to `bentoml serve` and to Starlette.
Not here: the generator (http_load), the peer's application (peer_starlette).
Law: the same model, row and machine for all, turn by turn; only what is asked runs meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from bench.command import BIN, ROOT
from bench.http_load import requests_per_second
from mlops.address import Address
from mlops.api import Project
from mlops.secret_values import read_secret

SECONDS, CONNECTIONS = 2.0, 64
FAST, GATEWAY = 10_000.0, 4_500.0


@dataclass
class Asked:
    place: Path | tuple[str, int]
    path: str
    headers: dict[str, str]
    connections: int = CONNECTIONS


def rows(repeat: int) -> list[dict[str, Any]]:
    subprocess.run([str(BIN / "mlops"), "apply", "--yes"], cwd=ROOT, check=True, capture_output=True)
    project = Project.open(ROOT)
    records = project.store.records()
    endpoint, package = records[Address("endpoint", "delay")], records[Address("package", "delay")]
    bento = Path(endpoint.outputs["bento"])
    body = json.dumps(json.loads((bento / "golden.json").read_text())["rows"][-1]).encode()
    url = urlparse(endpoint.outputs["url"])
    key = read_secret(ROOT / ".mlops/secrets", "DELAY_API_KEY") or ""
    gateway = Asked((str(url.hostname), int(url.port or 80)), f"{url.path}/predict", {"x-api-key": key}, 32)
    taken: dict[str, list[float]] = {"fast": [], "gateway": [], "starlette": [], "bentoml": []}
    with _fast(bento) as fast, _starlette(bento) as starlette, _bentoml(package.outputs["tag"]) as bentoml:
        asked = {"fast": fast, "gateway": gateway, "starlette": starlette, "bentoml": bentoml}
        for turn in range(max(3, repeat) + 1):
            for name, one in asked.items():
                told = requests_per_second(
                    one.place, one.path, body, one.headers, connections=one.connections, seconds=SECONDS
                )
                if turn:
                    taken[name].append(told)
    project.store.engine.dispose()
    fast_rate, through, plain, usual = (statistics.median(times) for times in taken.values())
    full = "one-row requests/s through the gateway with key, limit, log and metrics"
    return [
        _row("one-row requests/s, fast path alone (peer: Starlette on uvicorn)", fast_rate, plain, FAST),
        _row("one-row requests/s, fast path alone (peer: bentoml serve)", fast_rate, usual, FAST),
        _row(f"{full} (peer: bentoml serve)", through, usual, GATEWAY),
    ]


def _row(name: str, ours: float, peer: float, budget: float) -> dict[str, Any]:
    return {"name": name, "ours": ours, "peer": peer, "ratio": ours / peer, "budget": budget, "holds": ours >= budget}


@contextlib.contextmanager
def _running(command: list[str], env: dict[str, str], cwd: Path = ROOT) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def _fast(bento: Path) -> Iterator[Asked]:
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        uds = Path(folder) / "fast.sock"
        config = Path(folder) / "config.json"
        config.write_text(json.dumps({"bento": str(bento), "uds": str(uds), "version": "bench", "log": None}))
        command = [sys.executable, "-m", "mlops.workloads.serving.server", str(config)]
        with _running(command, {"PYTHONPATH": str(bento.parent)}, bento.parent):
            _until(uds.exists)
            yield Asked(uds, "/predict", {})


@contextlib.contextmanager
def _starlette(bento: Path) -> Iterator[Asked]:
    port = _free_port()
    command = [str(BIN / "uvicorn"), "bench.peer_starlette:app", "--port", str(port), "--log-level", "warning"]
    with _running(command, {"MODEL": str(bento)}):
        _until(lambda: _listens(port))
        yield Asked(("127.0.0.1", port), "/predict", {})


@contextlib.contextmanager
def _bentoml(tag: str) -> Iterator[Asked]:
    port = _free_port()
    env = {"BENTOML_HOME": str(ROOT / ".mlops/bentos"), "BENTOML_DO_NOT_TRACK": "True"}
    with _running([str(BIN / "bentoml"), "serve", tag, "--port", str(port), "--host", "127.0.0.1"], env):
        _until(lambda: _ready(port))
        yield Asked(("127.0.0.1", port), "/predict", {})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _until(condition: Any, deadline: float = 60.0) -> None:
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("a server did not come up")
        time.sleep(0.1)
