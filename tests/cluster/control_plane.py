"""A real Kubernetes control plane on loopback, without containers.

Lives here: starting etcd, kube-apiserver, controller-manager, scheduler and KWOK, and what they find there.
Not here: building them (programs), the machines (nodes), who takes up routes (gateways), what becomes of a pod (stages), Pulumi (pulumi_home).
Law: free ports on loopback, all files in one folder, every child dies with its parent and is ended by its own id.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.cluster.api import Api, ApiError, until
from tests.cluster.gateways import GatewayController
from tests.cluster.nodes import fleet
from tests.cluster.programs import programs, without_proxy
from tests.cluster.stages import write_log, write_stages
from tests.ports import free_ports

ATTEMPTS = 3
USERS = {"admin": "system:masters", "limited": "developers"}


@dataclass(frozen=True)
class ControlPlane:
    """One that runs. `kubeconfig` has the contexts `admin` and `limited` (authenticated, allowed nothing)."""

    folder: Path
    url: str
    tokens: dict[str, str]
    seconds: float

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def api(self, user: str = "admin") -> Api:
        return Api(self.url, self.tokens[user], self.folder / "certs" / "apiserver.crt")

    def write_log(self, *lines: str) -> None:
        """What every container of every pod has written, from now on."""
        write_log(self.folder, *lines)

    def logs(self, program: str, lines: int = 40) -> str:
        return "\n".join((self.folder / f"{program}.log").read_text().splitlines()[-lines:])


@contextmanager
def control_plane() -> Iterator[ControlPlane]:
    """One of one's own, ready: nodes up, Gateway API known, a default storage class there."""
    with ExitStack() as stack:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                plane = _begin(stack)
                break
            except ChildEnded:  # another process took a port between our looking for it and our using it
                stack.close()
                if attempt == ATTEMPTS:
                    raise
        yield plane


def _begin(stack: ExitStack) -> ControlPlane:
    begun = time.monotonic()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlops-cluster-", ignore_cleanup_errors=True)))
    children = _Children(folder)
    stack.callback(children.end)
    plane = _serve(folder, children)
    _furnish(plane, children)
    return replace(plane, seconds=time.monotonic() - begun)


class ChildEnded(RuntimeError):
    """One of the programs ended while the control plane was starting; the text has the end of its log."""


class _Children:
    """The processes of one control plane, each in its own group, dead with this one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, programs() / "bin"
        self.running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.gateways: GatewayController | None = None

    def start(self, name: str, *words: str | Path) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", self.bin / name, *words], cwd=self.folder, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True, env=without_proxy(),
            )  # fmt: skip
        self.running.append((name, process))

    def check(self) -> None:
        for name, process in self.running:
            if process.poll() is not None:
                told = (self.folder / f"{name}.log").read_text()[-2000:]
                raise ChildEnded(f"{name} ended with {process.returncode}:\n{told}")

    def end(self) -> None:
        """The API server's clients first, the store last; all of it is thrown away, so none is asked to say goodbye."""
        if self.gateways:
            self.gateways.stop()
        for _, process in reversed(self.running):
            process.send_signal(signal.SIGKILL)
        for _, process in reversed(self.running):
            process.wait(30)


def _serve(folder: Path, children: _Children) -> ControlPlane:
    """etcd and the API server, ready to answer."""
    client, peer, secure = free_ports(3)
    tokens = {user: secrets.token_hex(16) for user in USERS}
    _write_secrets(folder, tokens)
    store, other = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    children.start(
        "etcd", "--data-dir", folder / "etcd", "--unsafe-no-fsync", "--log-level", "error",
        "--listen-client-urls", store, "--advertise-client-urls", store,
        "--listen-peer-urls", other, "--initial-advertise-peer-urls", other, "--initial-cluster", f"default={other}",
    )  # fmt: skip
    key = folder / "service-accounts.pem"
    children.start(
        "kube-apiserver", f"--etcd-servers={store}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
        f"--secure-port={secure}", f"--cert-dir={folder / 'certs'}", f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC", "--anonymous-auth=false", "--service-cluster-ip-range=10.96.0.0/16",
        f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://kubernetes.default.svc", "--endpoint-reconciler-type=none",
        "--etcd-compaction-interval=0", "--profiling=false", "--kubelet-preferred-address-types=InternalIP",
    )  # fmt: skip
    plane = ControlPlane(folder, f"https://127.0.0.1:{secure}", tokens, 0.0)

    def ready() -> bool:
        children.check()
        try:
            return (folder / "certs" / "apiserver.crt").exists() and plane.api().get("/readyz") == "ok"
        except (ApiError, OSError) as error:
            return isinstance(error, ApiError) and error.status not in (401, 403, 500)
        except Exception as error:
            if type(error).__module__.startswith("urllib3"):
                return False
            raise

    until(ready, "kube-apiserver ready")
    _write_kubeconfig(plane)
    return plane


def _furnish(plane: ControlPlane, children: _Children) -> None:
    """The controllers, the fleet, the Gateway API with a Gateway, and a storage class; done when every node is ready."""
    admin, (manager, scheduler, kwok) = plane.api(), free_ports(3)
    config = f"--kubeconfig={plane.kubeconfig}"
    children.start(
        "kube-controller-manager", config, f"--secure-port={manager}", "--bind-address=127.0.0.1",
        f"--cert-dir={plane.folder / 'certs-manager'}", "--leader-elect=false", "--use-service-account-credentials=false",
        f"--service-account-private-key-file={plane.folder / 'service-accounts.pem'}",
        f"--root-ca-file={plane.folder / 'certs' / 'apiserver.crt'}",
    )  # fmt: skip
    children.start(
        "kube-scheduler", config, f"--secure-port={scheduler}", "--bind-address=127.0.0.1",
        f"--cert-dir={plane.folder / 'certs-scheduler'}", "--leader-elect=false",
    )  # fmt: skip
    certs = plane.folder / "certs"
    children.start(
        "kwok", config, "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-lease-duration-seconds=40", "--cidr=10.200.0.0/16",
        "--node-ip=127.0.0.1", f"--node-port={kwok}", f"--server-address=127.0.0.1:{kwok}",
        f"--tls-cert-file={certs / 'apiserver.crt'}", f"--tls-private-key-file={certs / 'apiserver.key'}",
        "--config", write_stages(plane.folder),
    )  # fmt: skip
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
    }
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(_define, admin, path) for path in sorted((programs() / "gateway-api").glob("*.yaml"))]
        sent += [pool.submit(admin.post, "/api/v1/nodes", node) for node in fleet()]
        sent.append(pool.submit(admin.post, "/apis/storage.k8s.io/v1/storageclasses", storage))
        for one in sent:
            one.result()

    def settled() -> bool:
        children.check()
        return all(map(_ready, admin.items("/api/v1/nodes"))) and _known(admin)

    until(settled, "every node ready, the Gateway API served and the default service account made")
    children.gateways = GatewayController(admin)
    children.gateways.start()


def _define(admin: Api, path: Path) -> None:
    admin.call(
        "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", path.read_bytes(), kind="application/yaml"
    )


def _ready(node: dict[str, Any]) -> bool:
    conditions = {item["type"]: item["status"] for item in node["status"].get("conditions", [])}
    taints = {item["key"] for item in node["spec"].get("taints", [])}
    return conditions.get("Ready") == "True" and "node.kubernetes.io/not-ready" not in taints


def _known(admin: Api) -> bool:
    return admin.exists("/apis/gateway.networking.k8s.io/v1/httproutes") and admin.exists(
        "/api/v1/namespaces/default/serviceaccounts/default"
    )


def _write_secrets(folder: Path, tokens: dict[str, str]) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    lines = "".join(f'{token},{user},{user},"{USERS[user]}"\n' for user, token in tokens.items())
    for name, text in (("service-accounts.pem", key), ("tokens.csv", lines.encode())):
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(text)


def _write_kubeconfig(plane: ControlPlane) -> None:
    """As JSON, which every reader of kubeconfig takes."""
    cluster = {"server": plane.url, "certificate-authority": str(plane.folder / "certs" / "apiserver.crt")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "admin",
        "clusters": [{"name": "loopback", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}} for user, token in plane.tokens.items()],
        "contexts": [{"name": user, "context": {"cluster": "loopback", "user": user}} for user in plane.tokens],
    }
    with os.fdopen(os.open(plane.kubeconfig, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        json.dump(config, file, indent=2)
