"""Run the pods of one node as processes of this machine: what stands in for a container runtime.

Lives here: Kubelet, a node whose pods really run: their commands, files, variables, exit codes, last words and logs.
Not here: images (a pod sees this machine's file system), networks between pods (they share loopback).
Law: a pod runs in a mount namespace of its own, with its volumes at the paths that it says; what it tells is what it wrote.
"""

from __future__ import annotations

import fcntl
import http.server
import os
import shlex
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from tests.cluster.api import Api, ApiError

PRODUCT = "a-process-of-this-machine"
"""The GPU that its node says to have, so that pods which ask for it come here."""
_BIN = Path(sys.executable).parent
_MOUNT_POINTS = (Path("/workspace"), Path("/given"), Path("/dev/termination-log"))
"""Made where this machine lacks them, and taken away by the last that needs them: a mount goes with the folder that it is on."""
_IN_USE = Path(tempfile.gettempdir()) / "mlops-tests-kubelets"
Json = dict[str, Any]


@dataclass
class Kubelet:
    api: Api
    folder: Path
    name: str = "processes"
    _pods: dict[str, threading.Thread] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: TextIO = field(init=False)

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _IN_USE.open("a")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        self._serve_logs()
        self._join()
        threading.Thread(target=self._loop, daemon=True, name="kubelet").start()

    def stop(self) -> None:
        self._over.set()
        for process in list(self._running.values()):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        with suppress(ApiError, OSError):
            self.api.delete(f"/api/v1/nodes/{self.name}")
        with suppress(OSError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in _MOUNT_POINTS:
                with suppress(OSError):
                    path.rmdir() if path.is_dir() else path.unlink()
        self._lock.close()

    def log(self, uid: str) -> Path:
        return self.folder / uid / "log"

    def _join(self) -> None:
        amount = {"cpu": "64", "memory": "256Gi", "pods": "110", "ephemeral-storage": "1Ti"}
        labels = {"kubernetes.io/hostname": self.name, "nvidia.com/gpu.product": PRODUCT}
        taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "PreferNoSchedule"}
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": labels},
            "spec": {"taints": [taint]},
        }
        self.api.post("/api/v1/nodes", node)
        status = {
            "capacity": amount, "allocatable": amount, "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._port}},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Processes", "lastHeartbeatTime": _now()}],
        }  # fmt: skip
        self.api.patch(f"/api/v1/nodes/{self.name}/status", {"status": status})
        lease = {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": _now(micro=True)}
        self.api.post(
            "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
            {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self.name}, "spec": lease},
        )

    def _loop(self) -> None:
        renewed = 0.0
        while not self._over.wait(0.2):
            with suppress(ApiError, OSError):
                if time.monotonic() - renewed > 5:
                    path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self.name}"
                    self.api.patch(path, {"spec": {"renewTime": _now(micro=True)}})
                    renewed = time.monotonic()
                for pod in self.api.items(f"/api/v1/pods?fieldSelector=spec.nodeName={self.name}"):
                    self._look_after(pod)

    def _look_after(self, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" in pod["metadata"]:
            process = self._running.get(uid)
            if process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
            if uid not in self._pods or not self._pods[uid].is_alive():
                with suppress(ApiError):
                    self.api.call("DELETE", _path(pod), {"gracePeriodSeconds": 0})
        elif uid not in self._pods and pod["status"].get("phase") == "Pending":
            self._pods[uid] = threading.Thread(target=self._run, args=(pod,), daemon=True)
            self._pods[uid].start()

    def _run(self, pod: Json) -> None:
        """The init containers in turn, then the one container."""
        home = self.folder / pod["metadata"]["uid"]
        home.mkdir(parents=True)
        volumes = {one["name"]: self._volume(pod, one, home) for one in pod["spec"].get("volumes", ())}
        self._tell(pod, "Running", {"running": {"startedAt": _now()}})
        code, message = 0, ""
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            code, message = self._carry_out(pod, container, volumes, home)
            if code:
                break
        ended = {"exitCode": code, "message": message, "reason": "Error" if code else "Completed", "finishedAt": _now()}
        self._tell(pod, "Failed" if code else "Succeeded", {"terminated": ended})

    def _carry_out(self, pod: Json, container: Json, volumes: dict[str, Path], home: Path) -> tuple[int, str]:
        last = home / f"{container['name']}.last"
        last.write_text("")
        binds = [
            (volumes[one["name"]] / one.get("subPath", ""), Path(one["mountPath"])) for one in container["volumeMounts"]
        ]
        binds = [(source, target) for source, target in binds if target != Path("/tmp")]
        (home / "hosts").write_text(f"127.0.0.1 localhost {self._names(pod)}\n")
        lines = ["set -e"]
        for source, target in (
            *binds,
            (last, Path(container["terminationMessagePath"])),
            (home / "hosts", Path("/etc/hosts")),
        ):
            if not source.exists():
                source.mkdir(parents=True)
            where = shlex.quote(str(target))
            make = f"[ -e {where} ] || install -D /dev/null {where}" if source.is_file() else f"mkdir -p {where}"
            lines.append(f"{make}; mount --bind {shlex.quote(str(source))} {where}")
        lines.append(f"cd {shlex.quote(container.get('workingDir', '/'))}; exec {shlex.join(container['command'])}")
        env = {one["name"]: self._value(pod, one) for one in container.get("env", ())}
        rank = pod["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index")
        if rank is not None:
            env["JOB_COMPLETION_INDEX"] = rank
        env |= {
            "HOME": str(home),
            "PATH": f"{_BIN}:/usr/bin:/bin:/usr/sbin",
            "GLOO_SOCKET_IFNAME": "lo",
            "TP_SOCKET_IFNAME": "lo",
        }
        with self.log(pod["metadata"]["uid"]).open("ab") as log:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines)],
                env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/",
            )  # fmt: skip
            self._running[pod["metadata"]["uid"]] = process
            return process.wait(), last.read_text()

    def _volume(self, pod: Json, volume: Json, home: Path) -> Path:
        path = home / "volumes" / volume["name"]
        path.mkdir(parents=True)
        if "configMap" in volume:
            told = self.api.get(
                f"/api/v1/namespaces/{pod['metadata']['namespace']}/configmaps/{volume['configMap']['name']}"
            )
            for item in volume["configMap"]["items"]:
                file = path / "..data" / item["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(told["data"][item["key"]])
        return path

    def _value(self, pod: Json, variable: Json) -> str:
        if "value" in variable:
            return str(variable["value"])
        if "valueFrom" not in variable:
            return ""
        if "fieldRef" in variable["valueFrom"]:
            told: Any = pod
            path = variable["valueFrom"]["fieldRef"]["fieldPath"]
            name, bracket, key = path.partition("['")
            for part in name.split("."):
                told = told[part]
            return str(told[key.removesuffix("']")] if bracket else told)
        import base64

        ref = variable["valueFrom"]["secretKeyRef"]
        secret = self.api.get(f"/api/v1/namespaces/{pod['metadata']['namespace']}/secrets/{ref['name']}")
        return base64.b64decode(secret["data"][ref["key"]]).decode()

    def _names(self, pod: Json) -> str:
        """What the headless Service would resolve: all pods of a job are on this machine."""
        domain = pod["spec"].get("subdomain", "")
        return " ".join(f"{domain}-{index}.{domain}" for index in range(8)) if domain else ""

    def _tell(self, pod: Json, phase: str, state: Json) -> None:
        ready = "True" if phase == "Running" else "False"
        first = pod["spec"]["containers"][0]
        status = {
            "phase": phase, "podIP": "127.0.0.1", "hostIP": "127.0.0.1", "startTime": _now(),
            "conditions": [{"type": kind, "status": ready} for kind in ("Ready", "ContainersReady")]
            + [{"type": "Initialized", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{
                "name": first["name"], "image": first["image"], "imageID": first["image"], "ready": ready == "True",
                "restartCount": 0, "state": state, "containerID": f"process://{pod['metadata']['uid']}",
            }],
        }  # fmt: skip
        with suppress(ApiError):
            self.api.patch(f"{_path(pod)}/status", {"status": status})

    def _serve_logs(self) -> None:
        """Over HTTPS, as the API server asks kubelets; it takes any certificate unless it is told of an authority."""
        pem = self.folder / "kubelet.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={self.name}", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", self.folder / "kubelet.crt"],
            check=True, capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "kubelet.crt", pem)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self._port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True, name="kubelet-logs").start()

    def text_of(self, path: str) -> str:
        """/containerLogs/NAMESPACE/POD/CONTAINER"""
        _, namespace, name, _ = path.partition("?")[0].strip("/").split("/")
        uid = self.api.get(f"/api/v1/namespaces/{namespace}/pods/{name}")["metadata"]["uid"]
        return self.log(uid).read_text(errors="replace") if self.log(uid).exists() else ""


def _handler(kubelet: Kubelet) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = kubelet.text_of(self.path).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """The test's own output stays readable."""

    return Handler


def _path(pod: Json) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _now(*, micro: bool = False) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z" if micro else "%Y-%m-%dT%H:%M:%SZ", time.gmtime())
