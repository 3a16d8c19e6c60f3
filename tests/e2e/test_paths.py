"""Projects in folders whose names hold what ini files, shells, patterns and URLs take for syntax."""

from __future__ import annotations

import json
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.context.paths import ProjectPaths
from mlops.engine.lease import Holder, lease
from mlops.engine.state import Operation, operation_id
from mlops.engine.store import in_project, open_database
from mlops.rollout.state import RolloutState, VersionState
from mlops.targets.local.host import Host
from mlops.targets.local.versions import Versions
from mlops.tools.process import free_port
from mlops.tools.supervisor import Program
from tests.e2e.test_faults import until

NAMES = ('my "projekt" ü %d', "it's [a] #1; *", "50%?", "a  b $HOME `x` \\n")
SERVER = """\
import http.server, json, os, socketserver, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"cwd": os.getcwd(), "words": sys.argv[2:], "said": os.environ["SAID"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "client"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

print("listening", flush=True)
Server(sys.argv[1], Handler).serve_forever()
"""


@pytest.fixture(params=NAMES)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    root = tmp_path / request.param
    root.mkdir()
    made = Host(ProjectPaths(root, "dev"), "local")
    try:
        yield made
    finally:
        made.stop()


def _asked(url: str) -> dict[str, object]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: dict[str, object] = json.loads(answer.read())
            return found
    except (urllib.error.URLError, OSError):
        return {}


def test_supervisor_and_gateway_run_in_a_folder_of_any_name(host: Host) -> None:
    port = free_port("127.0.0.1", 18080)
    host.start("127.0.0.1", port, log_size=1_000_000, log_files=1, stop_timeout=2)
    script = host.paths.root / "server %(x)s.py"
    script.write_text(textwrap.dedent(SERVER))
    socket, said = host.sockets / "tiny.sock", f"{host.paths.root}, a=\"b\" 'c' #d ;e %f"
    command = [sys.executable, str(script), str(socket), said]
    log = host.logs / "tiny.log"
    host.supervisor.put(Program("tiny", command, log, cwd=host.paths.root, env={"SAID": said}, stop_timeout=2))
    body = {"bento": str(host.paths.root), "sockets": [str(socket)]}
    state = RolloutState("v1", 2, {"v1": VersionState("k", 1, body)}, {"v1": 100}, {"rate": None})
    Versions(host, "tiny").publish(state)
    url = f"http://127.0.0.1:{port}/tiny/"
    until(lambda: _asked(url) != {})
    assert _asked(url) == {"cwd": str(host.paths.root), "words": [said], "said": said}
    assert "listening" in log.read_text()
    before = host.supervisor.states()["tiny"].pid
    host.supervisor.put(Program("tiny", command, log, cwd=host.paths.root, env={"SAID": said}, stop_timeout=2))
    assert host.supervisor.states()["tiny"].pid == before, "a program that runs as described is left alone"
    host.supervisor.take("tiny")
    assert set(host.supervisor.states()) == {"gatekeeper", "gateway", "keeper"}


@pytest.mark.parametrize("name", NAMES)
def test_state_is_kept_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    (root / ".mlops").mkdir(parents=True)
    store = open_database(in_project("sqlite:///.mlops/state.db", root), "dev")
    at = "2026-01-01T00:00:00+00:00"
    with lease(store, Holder.me("t", at)) as token:
        store.begin(Operation(operation_id(), at, None, "a", "b", "c", None, "d", "running", ""), token)
    assert (root / ".mlops" / "state.db").is_file()
    assert len(store.operations()) == 1
