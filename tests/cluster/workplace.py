"""A small project whose stack is on the test cluster.

Lives here: cluster_project and what the tests ask of it and of the cluster.
Not here: the control plane (control_plane), the plug-ins (pulumi_home).
Law: what a test sees is what a user sees: the commands' output, and the cluster by its own API.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import images
from tests.cluster.api import Api
from tests.e2e.conftest import BIN, Workplace, make_small
from tests.ports import any_port

NAMESPACE = "ml-small"
PASSWORD = "a password of the tests"
H100 = "NVIDIA-H100-80GB-HBM3"
STACK = f"""\
target: kubernetes
context: admin
namespace: {NAMESPACE}
quota: {{ gpus: 16, memory: 200Gi }}
storage: {{ size: 10Gi }}
gateway: {{ name: shared, namespace: gateways, url: "https://models.example.com", hostname: models.example.com }}
images: {{ training: "registry.example.com/train@sha256:{"0" * 64}", watching: "registry.example.com/watch@sha256:{"1" * 64}" }}
"""
ENDPOINT = """\
package: late
stack: gpu
replicas: 2
auth: { api_key: "${secret:LATE_KEY}" }
rollout: { steps: [50%, 100%], pause: 200ms, drain: 0s, ready_timeout: 20s }
"""


@dataclass
class ClusterPlace(Workplace):
    """`more`: of the environment. `storage`: where images are kept."""

    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        path = f"{BIN}:{self.more.get('PATH', super().env['PATH'])}"
        return {**super().env, "LATE_KEY": "a-secret-of-the-tests", **self.more, "PATH": path}

    def record(self, address: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.mlops("state", "pull").stdout)["records"][address]
        return told

    def change(self, address: str, *words: str) -> dict[str, Any]:
        changes = {one["address"]: one for one in self.plan(*words)["changes"]}
        assert address in changes, changes
        told: dict[str, Any] = changes[address]
        return told

    def settled(self) -> None:
        changes = self.plan()["changes"]
        assert changes == [], [(one["address"], one["reasons"]) for one in changes]


def cluster_project(root: Path, env: Mapping[str, str]) -> ClusterPlace:
    """The small project without endpoint and monitor, its stack on the cluster."""
    make_small(root)
    for kind in ("endpoint", "monitor", "stack"):
        shutil.rmtree(root / "conf" / kind)
    (root / "conf" / "stack").mkdir()
    (root / "conf" / "stack" / "gpu.yaml").write_text(STACK)
    return ClusterPlace(root, dict(env))


@contextmanager
def serving(place: ClusterPlace, folder: Path) -> Iterator[ClusterPlace]:
    """With a package that has an image in a registry of its own, and an endpoint on the stack."""
    port = any_port()
    with images.registry(folder / "registry", port, "tester", PASSWORD) as host:
        told = f"registry: {{ url: {host}/team, username: tester, password: '${{secret:REGISTRY_PASSWORD}}', insecure: true }}\n"
        (place.root / "conf/env/dev.yaml").write_text(told)
        _add_serving(place, images.Storage(folder / "storage"))
        yield place


def _add_serving(place: ClusterPlace, storage: images.Storage) -> None:
    base = storage.bring_base(images.base_archive())
    (place.root / "conf/package/late.yaml").write_text(f"model: late\nimage: {{ base: {base} }}\n")
    (place.root / "conf/endpoint").mkdir(exist_ok=True)
    (place.root / "conf/endpoint/late.yaml").write_text(ENDPOINT)
    place.more = {**place.more, **storage.env, "REGISTRY_PASSWORD": PASSWORD}


@contextmanager
def gone_afterwards(place: ClusterPlace) -> Iterator[ClusterPlace]:
    try:
        yield place
    finally:
        place.mlops("destroy", "--yes", "--allow-data-loss", "stack.gpu", code=None)


def make_volume(api: Api) -> None:
    """What the claim for prediction logs is bound to: the test cluster has nobody who makes volumes."""
    for number in range(4):
        spec = {
            "capacity": {"storage": "100Gi"}, "accessModes": ["ReadWriteMany"], "storageClassName": "standard",
            "hostPath": {"path": "/nowhere"},
        }  # fmt: skip
        if not api.exists(f"/api/v1/persistentvolumes/shared-{number}"):
            api.post("/api/v1/persistentvolumes", {"metadata": {"name": f"shared-{number}"}, "spec": spec})


def weights(api: Api, name: str = "late") -> dict[str, int]:
    route = api.get(f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/{name}")
    return {one["name"]: one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]}
