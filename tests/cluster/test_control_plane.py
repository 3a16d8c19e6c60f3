from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.api import Api, ApiError, until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.nodes import H100, L4
from tests.cluster.stages import FAILS, NEVER_READY, RUNS_ON

BARE = {"containers": [{"name": "main", "image": "registry.test/image@sha256:0"}]}


def namespace(admin: Api, name: str, **labels: str) -> str:
    admin.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    until(lambda: admin.exists(f"/api/v1/namespaces/{name}/serviceaccounts/default"), "the default service account")
    return name


def pod(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def on_gpus(count: int, product: str) -> dict[str, Any]:
    return {
        "containers": [{**BARE["containers"][0], "resources": {"limits": {"nvidia.com/gpu": str(count)}}}],
        "nodeSelector": {"nvidia.com/gpu.product": product},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }


def running(admin: Api, path: str) -> dict[str, Any]:
    def there() -> Any:
        found = admin.get(path)
        return found if found["status"].get("phase") == "Running" else None

    found: dict[str, Any] = until(there, f"{path} running")
    return found


def test_every_node_is_ready_with_its_gpus_behind_a_taint(admin: Api) -> None:
    nodes = admin.items("/api/v1/nodes")
    products = [node["metadata"]["labels"].get("nvidia.com/gpu.product") for node in nodes]
    assert (products.count(H100), products.count(L4), products.count(None)) == (8, 4, 3)
    tainted = [any(taint["key"] == "nvidia.com/gpu" for taint in node["spec"].get("taints", [])) for node in nodes]
    assert tainted == [product is not None for product in products]


def test_a_gpu_pod_runs_on_the_product_it_asks_for(admin: Api) -> None:
    place = namespace(admin, "gpus")
    admin.post(f"/api/v1/namespaces/{place}/pods", pod("one", on_gpus(4, H100)))
    assert running(admin, f"/api/v1/namespaces/{place}/pods/one")["spec"]["nodeName"].startswith("h100-")


def test_a_pod_that_tolerates_no_taint_stays_off_the_gpu_nodes(admin: Api) -> None:
    place = namespace(admin, "plain")
    admin.post(f"/api/v1/namespaces/{place}/pods", pod("one", BARE))
    assert running(admin, f"/api/v1/namespaces/{place}/pods/one")["spec"]["nodeName"].startswith("cpu-")


def job(image: str) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "main", "image": image}], "restartPolicy": "Never"}}
    return {"metadata": {"name": "one"}, "spec": {"backoffLimit": 0, "template": template}}


@pytest.mark.parametrize(
    ("image", "expected"), [("train", "Complete"), (f"train-{FAILS}", "Failed"), (f"train-{RUNS_ON}", "active")]
)
def test_a_job_ends_as_the_word_in_its_image_says(admin: Api, image: str, expected: str) -> None:
    place = namespace(admin, image)
    path = f"/apis/batch/v1/namespaces/{place}/jobs"
    admin.post(path, job(f"registry.test/{image}:1"))

    def ended() -> bool:
        status = admin.get(f"{path}/one")["status"]
        conditions = {item["type"] for item in status.get("conditions", []) if item["status"] == "True"}
        return expected in conditions or (expected == "active" and status.get("ready") == 1)

    until(ended, f"the job is {expected}")


def test_a_deployment_of_a_never_ready_image_makes_no_progress(admin: Api) -> None:
    place = namespace(admin, "stuck")
    labels = {"app": "web"}
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": f"registry.test/web-{NEVER_READY}:1"}]},
        },
    }
    admin.post(f"/apis/apps/v1/namespaces/{place}/deployments", {"metadata": {"name": "web"}, "spec": spec})
    pods = f"/api/v1/namespaces/{place}/pods"
    until(lambda: [pod["status"].get("phase") for pod in admin.items(pods)] == ["Running"] * 2, "both pods run")
    status = admin.get(f"/apis/apps/v1/namespaces/{place}/deployments/web")["status"]
    assert (status["unavailableReplicas"], status.get("readyReplicas", 0)) == (2, 0)


def test_a_pod_has_a_log(admin: Api, control_plane: ControlPlane) -> None:
    place = namespace(admin, "logs")
    admin.post(f"/api/v1/namespaces/{place}/pods", pod("one", BARE))
    running(admin, f"/api/v1/namespaces/{place}/pods/one")
    control_plane.write_log("epoch 1 loss 0.5", "epoch 2 loss 0.4")
    text = admin.get(f"/api/v1/namespaces/{place}/pods/one/log")
    assert text.splitlines() == ["epoch 1 loss 0.5", "epoch 2 loss 0.4"]


def test_pod_security_restricted_refuses_a_pod_that_may_be_root(admin: Api) -> None:
    place = namespace(admin, "strict", **{"pod-security.kubernetes.io/enforce": "restricted"})
    with pytest.raises(ApiError, match='violates PodSecurity "restricted:latest"') as refused:
        admin.post(f"/api/v1/namespaces/{place}/pods", pod("one", BARE))
    assert refused.value.status == 403


def test_a_quota_refuses_a_gpu_too_many(admin: Api) -> None:
    place = namespace(admin, "quota")
    quota = {"metadata": {"name": "gpu"}, "spec": {"hard": {"requests.nvidia.com/gpu": "4"}}}
    admin.post(f"/api/v1/namespaces/{place}/resourcequotas", quota)
    path = f"/api/v1/namespaces/{place}/resourcequotas/gpu"
    until(lambda: admin.get(path)["status"].get("used"), "the quota counted")
    with pytest.raises(ApiError, match=r"exceeded quota: gpu, requested: requests.nvidia.com/gpu=8, used: .*, limited"):
        admin.post(f"/api/v1/namespaces/{place}/pods", pod("one", on_gpus(8, H100)))


def test_the_gateway_api_is_served_and_judged_by_its_schema(admin: Api) -> None:
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "one"},
        "spec": {"rules": [{"backendRefs": [{"name": "web", "port": 80, "weight": -1}]}]},
    }
    with pytest.raises(ApiError, match=r"weight: Invalid value: -1"):
        admin.post("/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes", route)


def test_an_unprivileged_user_may_not_read_and_an_unknown_one_is_not_known(control_plane: ControlPlane) -> None:
    with pytest.raises(ApiError, match='User "limited" cannot list resource "secrets"') as refused:
        control_plane.api("limited").get("/api/v1/secrets")
    assert refused.value.status == 403
    stranger = Api(control_plane.url, "no-such-token", control_plane.folder / "certs" / "apiserver.crt")
    with pytest.raises(ApiError, match="Unauthorized"):
        stranger.get("/api/v1/secrets")


def test_a_default_storage_class_is_there(admin: Api) -> None:
    (storage,) = admin.items("/apis/storage.k8s.io/v1/storageclasses")
    assert storage["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"


DYING = """
import os, signal, sys
from pathlib import Path
from tests.cluster.api import until
from tests.cluster.control_plane import _Children

children = _Children(Path(sys.argv[1]))
url = "http://127.0.0.1:0"
children.start("etcd", "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", url)
child = children.running[0][1].pid
until(lambda: Path(f"/proc/{child}/comm").read_text() == "etcd\\n", "etcd in the place of its launcher")
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_control_plane_dies_with_the_process_that_started_it(cluster_programs: Path, tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-c", DYING, tmp_path], capture_output=True, text=True, check=False, timeout=60
    )
    child = int(started.stdout)
    until(lambda: not _is_alive(child), "etcd gone", seconds=10)


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_make_cluster_prints_what_to_export_and_leaves_nothing(cluster_programs: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "tests.cluster"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        exports: dict[str, str] = {}
        for line in process.stdout:
            name, _, value = line.removeprefix("export ").strip().partition("=")
            exports[name] = value
            if "Ctrl-C" in line:
                break
        folder = Path(exports["KUBECONFIG"]).parent
        assert folder.is_dir()
        assert os.access(Path(exports["PATH"].split(":")[0]) / "pulumi", os.X_OK)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert not folder.exists()
