"""The real Envoy before small servers: who is let in, how often, for how long, and what is tried again."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from mlops.config.schema.targets.local import TlsFiles
from mlops.errors import MlopsError
from mlops.targets.local.certificates import Renewal, tls_file
from mlops.tools.envoy import EnvoyGateway
from mlops.tools.envoy_documents import GateKey, Route, RoutingTable, Tls, TokenIssuer
from mlops.tools.process import beside_python
from mlops.tools.unix_http import ask
from tests.ports import any_port

SERVER = """
import http.server, os, socketserver, sys, time
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(float(self.headers.get("x-sleep", 0)))
        fails = "readyz" not in self.path and os.path.exists(sys.argv[1] + ".fails")
        body = os.path.basename(sys.argv[1]).encode() + b" " + self.headers.get("x-api-key", "-").encode()
        self.send_response(500 if fails else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self): return "unix"
    def log_message(self, *words): pass
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 100
Server(sys.argv[1], Answer).serve_forever()
"""


class Gateway:
    """Envoy with two replicas named a and b."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, any_port()
        self.envoy = EnvoyGateway(folder / "gateway", folder / "admin.sock")
        self.replicas: dict[str, subprocess.Popen[bytes]] = {}
        for name in "ab":
            self.replicas[name] = subprocess.Popen([sys.executable, "-c", SERVER, str(folder / name)])
        self._envoy: subprocess.Popen[bytes] | None = None

    def start(self, tls: Tls | None = None) -> None:
        self.envoy.prepare("127.0.0.1", self.port, tls)
        self._envoy = subprocess.Popen(self.envoy.command(beside_python("envoy")), stderr=subprocess.DEVNULL)
        end = time.monotonic() + 40
        while not (self.envoy.listens(self.port) and all((self.folder / name).exists() for name in "ab")):
            assert time.monotonic() < end
            time.sleep(0.05)

    def put(self, **more: Any) -> None:
        route = Route("late", {"c": 100}, **more)
        self.envoy.put(RoutingTable((route,), {"c": [str(self.folder / name) for name in "ab"]}, route.grpc))

    def get(self, key: str | None = None, **headers: str) -> httpx.Response:
        sent = {**headers, **({"x-api-key": key} if key else {})}
        return httpx.get(f"http://127.0.0.1:{self.port}/late/predict", headers=sent, timeout=30)

    def call(self, shown: grpc.ChannelCredentials | None = None, **sent: str) -> str:
        """Return the status of a call over gRPC that is refused: the replicas know no gRPC. `shown`: for TLS."""
        address, metadata = f"127.0.0.1:{self.port}", [(name.replace("_", "-"), value) for name, value in sent.items()]
        opened = grpc.secure_channel(address, shown) if shown else grpc.insecure_channel(address)
        with opened as channel, pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary("/inference.GRPCInferenceService/ServerLive")(b"", metadata=metadata, timeout=20)
        return str(raised.value.code().name)

    def end(self) -> None:
        for one in (*self.replicas.values(), self._envoy):
            if one is not None:
                one.kill()
                one.wait()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with tempfile.TemporaryDirectory(prefix="gw") as folder:
        made = Gateway(Path(folder))
        try:
            yield made
        finally:
            made.end()


def test_each_key_lets_in_and_reaches_no_replica_and_errors_are_json(gateway: Gateway) -> None:
    gateway.start()
    gateway.put(keys={"app": GateKey(("old|one", "new.one")), "batch": GateKey(("third",))})
    answers = [gateway.get(key) for key in ("old|one", "new.one", "third")]
    assert [one.status_code for one in answers] == [200, 200, 200]
    assert {one.text.split()[1] for one in answers} == {"-"}
    for wrong in ("old", "one", "newxone", None):
        denied = gateway.get(wrong)
        assert (denied.status_code, denied.json()) == (401, {"error": "the header x-api-key is missing or wrong"})
    assert gateway.envoy.keys() == {"late": ["new.one", "old|one", "third"]} or gateway.envoy.keys() == {
        "late": ["old|one", "new.one", "third"]
    }


def test_limit_of_a_key_counts_old_and_new_values_together_and_leaves_others_alone(gateway: Gateway) -> None:
    gateway.start()
    gateway.put(keys={"app": GateKey(("old", "new"), (3, 60.0)), "batch": GateKey(("third",))}, rate=(20, 60.0))
    codes = [gateway.get(key).status_code for key in ("old", "new", "old", "new", "old")]
    assert codes == [200, 200, 200, 429, 429]
    assert gateway.get("old").json()["error"]
    assert [gateway.get("third").status_code for _ in range(5)] == [200] * 5
    assert Counter(gateway.get("third").status_code for _ in range(20))[429] >= 5, "the limit of the whole endpoint"


def test_spent_quota_refuses_that_key_alone(gateway: Gateway) -> None:
    gateway.start()
    gateway.put(keys={"app": GateKey(("one",), is_spent=True), "batch": GateKey(("third",))})
    assert gateway.get("one").status_code == 429
    assert "quota" in gateway.get("one").json()["error"]
    assert gateway.get("third").status_code == 200


def test_timeout_of_the_route_ends_a_request_with_504(gateway: Gateway) -> None:
    gateway.start()
    gateway.put(timeout=1.5)
    started = time.monotonic()
    late = gateway.get(**{"x-sleep": "20"})
    assert late.status_code == 504
    assert late.json()["error"]
    assert 1.4 < time.monotonic() - started < 15
    assert gateway.get(**{"x-sleep": "0.2"}).status_code == 200


def test_a_hung_replica_costs_one_try_and_a_slow_answer_still_counts(gateway: Gateway) -> None:
    gateway.start()
    gateway.put(timeout=8.0)
    os.kill(gateway.replicas["a"].pid, signal.SIGSTOP)
    try:
        answers = [gateway.get() for _ in range(8)]
    finally:
        os.kill(gateway.replicas["a"].pid, signal.SIGCONT)
    assert [one.status_code for one in answers] == [200] * 8
    slow = gateway.get(**{"x-sleep": "4"})
    assert slow.status_code == 200, "longer than a try, shorter than the timeout"


def test_replicas_too_busy_for_their_health_check_are_still_asked(gateway: Gateway) -> None:
    gateway.start()
    gateway.put(timeout=30.0)
    assert gateway.get().status_code == 200
    stopped = [one.pid for one in gateway.replicas.values()]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + 30
    while ask(gateway.envoy.admin, "/clusters")[1].count(b"/failed_active_hc") < len(stopped):
        assert time.monotonic() < end
        time.sleep(0.1)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(gateway.get)
        while b"rq_active::1" not in ask(gateway.envoy.admin, "/clusters")[1] and not asked.done():
            time.sleep(0.05)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        assert asked.result().status_code == 200
    while b"/failed_active_hc" in ask(gateway.envoy.admin, "/clusters")[1]:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_replica_that_only_fails_is_ejected(gateway: Gateway) -> None:
    gateway.start()
    gateway.put()
    (gateway.folder / "a.fails").touch()
    for _ in range(30):
        gateway.get()
    answers = Counter(gateway.get().status_code for _ in range(20))
    assert answers == {200: 20}


def test_token_of_the_issuer_lets_in_and_no_other(gateway: Gateway) -> None:
    mine, other = Signer(), Signer()
    gateway.start()
    with httpx.Client() as early:
        gateway.put()
        url = f"http://127.0.0.1:{gateway.port}/late/predict"
        assert early.get(url).status_code == 200
        gateway.envoy.trust({"late": TokenIssuer(mine.keys(), "https://issuer", ("late",))})
        gateway.put(keys={"app": GateKey(("one",))}, is_signed=True, grpc=["c"])
        forged = other.token(iss="https://issuer", aud="late")
        assert early.get(url, headers={"authorization": f"Bearer {forged}"}).status_code in (401, 403)
    good = mine.token(iss="https://issuer", aud="late")
    end = time.monotonic() + 10
    while gateway.get(authorization=f"Bearer {good}").status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.1)
    for bad in (forged, mine.token(iss="https://issuer", aud="else"), mine.token(iss="x", aud="late"), "nonsense"):
        denied = gateway.get(authorization=f"Bearer {bad}")
        assert denied.status_code in (401, 403)
        assert denied.json()["error"]
    assert gateway.get("one").status_code == 200
    assert gateway.get().status_code == 401
    assert gateway.call(x_mlops_endpoint="late", authorization=f"Bearer {good}") == "UNAVAILABLE", "it was let in"
    for sent in ({}, {"authorization": f"Bearer {forged}"}, {"x_api_key": "two"}):
        assert gateway.call(x_mlops_endpoint="late", **sent) == "UNAUTHENTICATED"
    expired = mine.token(iss="https://issuer", aud="late", exp=int(time.time()) - 3600)
    assert gateway.get(authorization=f"Bearer {expired}").status_code == 401


class Signer:
    """An issuer of tokens, with an RSA key of its own."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        self._key = rsa.generate_private_key(65537, 2048)

    def keys(self) -> str:
        numbers = self._key.public_key().public_numbers()
        one = {
            "kty": "RSA",
            "kid": "k",
            "alg": "RS256",
            "use": "sig",
            "n": _base64(_bytes(numbers.n)),
            "e": _base64(_bytes(numbers.e)),
        }
        return json.dumps({"keys": [one]})

    def token(self, **claims: Any) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        parts = [{"alg": "RS256", "typ": "JWT", "kid": "k"}, {"exp": int(time.time()) + 600, **claims}]
        said = ".".join(_base64(json.dumps(part).encode()) for part in parts)
        return f"{said}.{_base64(self._key.sign(said.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _base64(data: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def certificate(name: str, signed_by: Any = None, *, is_ca: bool = False) -> tuple[Any, Any, str, str]:
    """Return key, certificate, and both as PEM."""
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer_key, issuer = (signed_by[0], signed_by[1].subject) if signed_by else (key, subject)
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return key, made, pem, plain


def test_mutual_tls_asks_for_a_certificate_and_a_new_one_is_taken_up(gateway: Gateway, tmp_path: Path) -> None:
    authority = certificate("authority", is_ca=True)
    server, client, stranger = (
        certificate("server", authority),
        certificate("client", authority),
        certificate("stranger"),
    )
    gateway.start(Tls(server[2], server[3], authority[2]))
    gateway.put(grpc=["c"])
    (tmp_path / "ca.pem").write_text(authority[2])
    url = f"https://127.0.0.1:{gateway.port}/late/predict"

    def context(shown: tuple[Any, Any, str, str] | None) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        if shown is not None:
            (tmp_path / "client.pem").write_text(shown[2] + shown[3])
            made.load_cert_chain(tmp_path / "client.pem")
        return made

    assert httpx.get(url, verify=context(client)).status_code == 200
    of_client = grpc.ssl_channel_credentials(authority[2].encode(), client[3].encode(), client[2].encode())
    assert gateway.call(of_client) == "UNIMPLEMENTED", "it names no endpoint"
    assert gateway.call(grpc.ssl_channel_credentials(authority[2].encode())) == "UNAVAILABLE"
    for nobody in (None, stranger):
        with pytest.raises(httpx.TransportError):
            httpx.get(url, verify=context(nobody))
    with pytest.raises(httpx.TransportError):
        httpx.get(url.replace("https", "http"))
    newer = certificate("newer", authority)
    gateway.envoy.secure(Tls(newer[2], newer[3], authority[2]))
    end = time.monotonic() + 20
    while _common_name(context(client), gateway.port) != "newer":
        assert time.monotonic() < end
        time.sleep(0.1)
    for path in gateway.envoy.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_renewed_certificate_is_taken_up_once_it_fits_its_key(gateway: Gateway, tmp_path: Path) -> None:
    authority = certificate("authority", is_ca=True)
    first, newer = certificate("first", authority), certificate("newer", authority)
    places = {"ca.pem": authority[2], "cert.pem": first[2], "key.pem": first[3]}
    for name, text in places.items():
        (tmp_path / name).write_text(text)
    gateway.start(Tls(first[2], first[3]))
    gateway.put()
    tls_file(tmp_path / "stack", TlsFiles(certificate="cert.pem", key="key.pem"), tmp_path)
    renewal = Renewal(tmp_path / "stack")
    assert [renewal.look(gateway.envoy) for _ in range(3)] == [False] * 3, "nothing is another"
    (tmp_path / "cert.pem").write_text(newer[2])
    assert not renewal.look(gateway.envoy), "whoever renews may still write"
    with pytest.raises(MlopsError, match="do not fit together"):
        renewal.look(gateway.envoy)
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    assert _common_name(context, gateway.port) == "first"
    (tmp_path / "key.pem").write_text(newer[3])
    assert [renewal.look(gateway.envoy) for _ in range(3)] == [False, True, False]
    end = time.monotonic() + 20
    while _common_name(context, gateway.port) != "newer":
        assert time.monotonic() < end
        time.sleep(0.1)


def _common_name(context: ssl.SSLContext, port: int) -> str:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        shown: Any = connection.getpeercert()
    return str(shown["subject"][0][0][1])
