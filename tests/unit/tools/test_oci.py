"""Finding a builder, showing it a registry's password, and asking a registry without one."""

from __future__ import annotations

import base64
import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import MlopsError, ToolFailed
from mlops.tools import oci
from mlops.tools.oci import Buildah, Docker, pick
from mlops.tools.registry import RegistryAccess, image_digest

DIGEST = f"sha256:{'e' * 64}"
TOKEN = base64.b64encode(b"me:hunter2").decode()


def program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setattr(oci, "program_environment", lambda: {"PATH": str(folder)})
    return folder


def test_first_builder_that_works_is_taken(programs: Path, tmp_path: Path) -> None:
    program(programs, "docker", "exit 1")
    program(programs, "buildah", "exit 0")
    assert pick("auto", tmp_path).name == "buildah"
    program(programs, "docker", "echo 28.0")
    assert pick("auto", tmp_path).name == "docker"
    assert pick("buildah", tmp_path).name == "buildah"


def test_missing_builder_names_what_was_looked_for_and_what_to_do(programs: Path, tmp_path: Path) -> None:
    program(programs, "docker", "exit 1")
    with pytest.raises(MlopsError) as raised:
        pick("auto", tmp_path)
    detail = raised.value.problems[0].detail
    assert "docker (found, but its daemon does not answer), podman (not found), buildah (not found)" in detail
    assert "take `image` out" in detail
    with pytest.raises(MlopsError, match=r"Looked for: podman \(not found\)\."):
        pick("podman", tmp_path)


def test_missing_image_is_no_error_and_a_broken_storage_is(tmp_path: Path) -> None:
    absent = program(tmp_path / "a", "buildah", "echo 'Error: localhost/x:1: image not known' >&2; exit 125")
    assert Buildah(str(absent), tmp_path).digest("localhost/x:1") is None
    broken = program(tmp_path / "b", "buildah", "echo 'Error: mkdir /run: permission denied' >&2; exit 125")
    with pytest.raises(ToolFailed, match="permission denied"):
        Buildah(str(broken), tmp_path).digest("localhost/x:1")
    there = program(tmp_path / "c", "buildah", f"echo 'a warning' >&2; echo {DIGEST}")
    assert Buildah(str(there), tmp_path).digest("localhost/x:1") == DIGEST


def test_password_stands_in_a_private_file_beside_other_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text(
        json.dumps({"auths": {"other.example.com": {"auth": "b3RoZXI="}, "r.example.com": {"auth": "b2xk"}}})
    )
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(mine))
    env = Buildah("buildah", tmp_path, RegistryAccess("r.example.com/team", "me", "hunter2")).login()
    path = Path(env["REGISTRY_AUTH_FILE"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["auths"] == {
        "other.example.com": {"auth": "b3RoZXI="}, "r.example.com": {"auth": TOKEN}
    }  # fmt: skip
    assert Buildah("buildah", tmp_path, RegistryAccess("r.example.com")).login() == {}


def test_docker_keeps_its_contexts_and_the_helpers_of_other_registries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    (mine / "contexts").mkdir(parents=True)
    (mine / "config.json").write_text(
        json.dumps(
            {"credsStore": "desktop", "currentContext": "far", "auths": {"r.example.com": {}, "x.example.com": {}}}
        )
    )
    monkeypatch.setenv("DOCKER_CONFIG", str(mine))
    (tmp_path / "work").mkdir()
    env = Docker("docker", tmp_path / "work", RegistryAccess("r.example.com", "me", "hunter2")).login()
    config = json.loads((Path(env["DOCKER_CONFIG"]) / "config.json").read_text())
    assert config["auths"]["r.example.com"] == {"auth": TOKEN}
    assert config["credHelpers"] == {"x.example.com": "desktop"}
    assert (config["currentContext"], "credsStore" in config) == ("far", False)
    assert (Path(env["DOCKER_CONFIG"]) / "contexts").is_dir()


class Answers(BaseHTTPRequestHandler):
    """A registry that wants a token, as the big ones do; `basic` wants the password itself."""

    server: Any

    def do_HEAD(self) -> None:
        proof = self.headers.get("Authorization")
        if proof != ("Bearer t" if self.server.scheme == "Bearer" else f"Basic {TOKEN}"):
            port = self.server.server_address[1]
            realm = f'realm="http://127.0.0.1:{port}/token",service="s",scope="repository:team/x:pull"'
            self.send_response(401)
            self.send_header("WWW-Authenticate", f"{self.server.scheme} {realm}")
            self.end_headers()
            return
        found = self.path == "/v2/team/x/manifests/there"
        self.send_response(200 if found else 404)
        if found:
            self.send_header("Docker-Content-Digest", DIGEST)
        self.end_headers()

    def do_GET(self) -> None:
        good = self.headers.get("Authorization") == f"Basic {TOKEN}" and "scope=repository%3Ateam%2Fx" in self.path
        self.send_response(200 if good else 403)
        self.end_headers()
        self.wfile.write(b'{"token": "t"}')

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def answering(scheme: str) -> Iterator[str]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.scheme = scheme
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}/team"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_a_registry_is_asked_with_a_token_or_a_password(scheme: str) -> None:
    with answering(scheme) as url:
        registry = RegistryAccess(url, "me", "hunter2", insecure=True)
        assert image_digest(registry, "x", "there") == DIGEST
        assert image_digest(registry, "x", "gone") is None
        with pytest.raises(ToolFailed, match=r"was asked for team/x:there, and it answered 40[13]"):
            image_digest(RegistryAccess(url, "me", "wrong", insecure=True), "x", "there")


def test_unreachable_registry_is_not_an_absent_image() -> None:
    with pytest.raises(ToolFailed, match="it cannot be reached"):
        image_digest(RegistryAccess("127.0.0.1:1", insecure=True), "x", "there", timeout=1)
