"""A tenant: an account with the built-in role `admin` in one namespace that others made, and rights for nothing else.

HTTPRoutes are no kind of Kubernetes itself. The owners of the Gateway API add them to the built-in role by its own aggregation,
as its documentation advises; so does this test.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.api import Api, ApiError, until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.gateways import NAME
from tests.cluster.gateways import NAMESPACE as GATEWAYS
from tests.cluster.kubelet import PRODUCT, Kubelet
from tests.cluster.pulumi_home import pulumi_environment
from tests.cluster.workplace import ClusterPlace, cluster_project, serving

NAMESPACE = "team-a"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
ROLES = "/apis/rbac.authorization.k8s.io/v1"
STACK = f"""\
target: kubernetes
context: limited
namespace: {NAMESPACE}
quota: {{ gpus: 4 }}
gateway: {{ name: {NAME}, namespace: {GATEWAYS}, url: "https://models.example.com", hostname: models.example.com }}
images: {{ training: "registry.example.com/train@sha256:{"0" * 64}" }}
"""
TENANT = """\
manage: [accounts, network]
accounts: { annotations: { training: { eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/train" } } }
"""
CLOUD_KEY = "AWS_SECRET_ACCESS_KEY"


def add_tenant(admin: Api) -> None:
    """Make the namespace and what binds the user `limited` to the built-in role in it."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    admin.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": labels}})
    subject = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "developers"}
    role = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": "admin"}
    binding = {"metadata": {"name": "tenant"}, "subjects": [subject], "roleRef": role}
    admin.post(f"{ROLES}/namespaces/{NAMESPACE}/rolebindings", binding)
    routes = {
        "metadata": {"name": "routes", "labels": {"rbac.authorization.k8s.io/aggregate-to-admin": "true"}},
        "rules": [{"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["*"]}],
    }
    admin.post(f"{ROLES}/clusterroles", routes)
    rules = f"{ROLES}/clusterroles/admin"
    until(lambda: "httproutes" in json.dumps(admin.get(rules).get("rules")), "the built-in role has routes")


@pytest.fixture(scope="module")
def place(control_plane: ControlPlane, admin: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterPlace]:
    if os.getuid() != 0:
        pytest.skip("pods get mounts of their own, which needs root")
    folder = tmp_path_factory.mktemp("tenant")
    add_tenant(admin)
    kubelet = Kubelet(admin, tmp_path_factory.mktemp("kubelet"), name="tenants")
    kubelet.start()
    made = cluster_project(folder / "project", pulumi_environment(folder, control_plane.kubeconfig))
    (made.root / "conf/stack/gpu.yaml").write_text(STACK)
    made.run("dvc", "remote", "add", "-d", "store", str(folder / "remote"))
    try:
        with serving(made, tmp_path_factory.mktemp("serving")):
            with (made.root / "conf/env/dev.yaml").open("a") as env:
                env.write(f"training: {{ stack: gpu, product: {PRODUCT}, memory: 1Gi, cpu: '1', time_limit: 10m }}\n")
            yield made
    finally:
        made.mlops("destroy", "--yes", code=None)
        kubelet.stop()
        admin.delete(f"{ROLES}/clusterroles/routes")


def test_a_plan_says_what_is_missing_and_how_a_tenant_does_without(place: ClusterPlace) -> None:
    (obstacle,) = place.change("stack.gpu")["obstacles"]
    assert f"may not create, patch, delete in namespace {NAMESPACE}: resourcequotas, limitranges" in obstacle
    assert "create, patch, delete in the whole cluster: namespaces, priorityclasses.scheduling.k8s.io" in obstacle
    assert "or leave it to them: `manage: [accounts, network]` in conf/stack/gpu.yaml" in obstacle


def test_a_tenant_trains_and_serves(place: ClusterPlace, admin: Api) -> None:
    (place.root / "conf/stack/gpu.yaml").write_text(STACK + TENANT)
    change = place.change("stack.gpu")
    assert change["obstacles"] == []
    parts = {part["name"] for part in change["parts"]}
    assert {name.split()[0] for name in parts} == {"ServiceAccount", "NetworkPolicy"}
    place.more = {**place.more, CLOUD_KEY: "of who applies"}
    place.mlops("apply", "--yes")
    place.settled()
    (pod,) = [pod for pod in admin.items(f"{CORE}/pods") if pod["metadata"]["name"].startswith("late-") and
              "batch.kubernetes.io/job-name" in pod["metadata"]["labels"]]  # fmt: skip
    assert "priorityClassName" not in pod["spec"]
    assert CLOUD_KEY not in {one["name"] for one in pod["spec"]["containers"][0]["env"]}
    account = admin.get(f"{CORE}/serviceaccounts/{pod['spec']['serviceAccountName']}")
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == "arn:aws:iam::1:role/train"
    assert "healthy" in place.status()["endpoint.late"]["text"]
    assert admin.items(f"{CORE}/resourcequotas") == []


def test_what_the_owners_ask_of_pods_reaches_those_that_run(place: ClusterPlace, admin: Api) -> None:
    before = admin.get(f"{DEPLOYMENTS}/late-v1")
    more = "pods: { serving: { labels: { example.com/team: delays }, node_selector: { kubernetes.io/os: linux } } }\n"
    (place.root / "conf/stack/gpu.yaml").write_text(STACK + TENANT + more)
    words = place.words()
    assert words["endpoint.late"] == ("update", "RECONFIGURE")
    place.mlops("apply", "--yes")
    after = admin.get(f"{DEPLOYMENTS}/late-v1")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    template: dict[str, Any] = after["spec"]["template"]
    assert template["metadata"]["labels"]["example.com/team"] == "delays"
    assert template["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    place.settled()


def test_all_of_it_goes_again_and_the_namespace_stays(place: ClusterPlace, admin: Api) -> None:
    place.mlops("destroy", "--yes")
    assert admin.items(DEPLOYMENTS) == []
    assert [one["metadata"]["name"] for one in admin.items(f"{CORE}/serviceaccounts")] == ["default"]
    assert admin.get(f"/api/v1/namespaces/{NAMESPACE}")["status"]["phase"] == "Active"
    tenant = Api(admin.url, place_token(place), admin.authority)
    with pytest.raises(ApiError, match="forbidden"):
        tenant.get("/api/v1/nodes")


def place_token(place: ClusterPlace) -> str:
    users = json.loads(Path(place.env["KUBECONFIG"]).read_text())["users"]
    return str(next(user for user in users if user["name"] == "limited")["user"]["token"])
