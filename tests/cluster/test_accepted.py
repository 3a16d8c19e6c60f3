"""What the programs make, before the real API server: strict fields, Pod Security, rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.api import Api, ApiError
from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import Door, plain, template_of
from tests.rendered import render
from tests.unit.stacks.program_inputs import ALL, FULL_PLATFORM, SECRETS

NAMESPACE = "accepted"
ACCOUNTS = ("training", "serving", "watching")


@pytest.fixture(scope="module")
def door(control_plane: ControlPlane) -> Iterator[Door]:
    """A namespace as the platform makes it, object by object."""
    door = Door(control_plane.api())
    told = render("platform", {**FULL_PLATFORM, "namespace": NAMESPACE})
    made = [plain(it) for name, it in told.objects.items() if name != "cluster"]
    for it in sorted(made, key=lambda it: it["kind"] != "Namespace"):
        door.create(it)
    yield door
    for it in made:
        if "namespace" not in it["metadata"]:
            door.api.delete(f"{door.path(it)}/{it['metadata']['name']}")


@pytest.mark.parametrize("name", ALL)
def test_every_object_has_only_fields_that_the_api_server_knows(door: Door, name: str) -> None:
    program, inputs = ALL[name]
    told = render(program, {**inputs, "namespace": "tried" if program == "platform" else NAMESPACE}, SECRETS)
    for logical, it in told.objects.items():
        if logical == "cluster" or told.types[logical].endswith("Patch"):
            continue
        made = plain(it)
        if program == "platform" and "namespace" in made["metadata"]:
            made["metadata"]["namespace"] = NAMESPACE
            made["metadata"]["name"] += "-tried"
        door.try_out(made)


@pytest.mark.parametrize("name", [name for name in ALL if not name.startswith("platform")])
def test_every_pod_is_let_in_under_pod_security_restricted(door: Door, name: str) -> None:
    program, inputs = ALL[name]
    inputs = {**inputs, "namespace": NAMESPACE}
    if "priority_class" in inputs:
        inputs["priority_class"] = inputs["priority_class"].replace("ml-", f"{NAMESPACE}-")
    told = render(program, inputs, SECRETS)
    tried = [door.try_out(pod) for it in told.objects.values() if (pod := template_of(plain(it)))]
    assert tried


@pytest.mark.parametrize(
    "worse",
    [
        {"securityContext": {"privileged": True}},
        {"securityContext": {"allowPrivilegeEscalation": True}},
        {"securityContext": {"capabilities": {"drop": []}}},
        {"securityContext": {"runAsUser": 0}},
    ],
    ids=["privileged", "escalating", "with capabilities", "root"],
)
def test_a_pod_that_can_do_more_is_kept_out(door: Door, worse: dict[str, Any]) -> None:
    told = render("serving", {**ALL["serving"][1], "namespace": NAMESPACE})
    pod = template_of(plain(told.one("Deployment")))
    assert pod is not None
    container = pod["spec"]["containers"][0]
    container["securityContext"] = {**container["securityContext"], **worse["securityContext"]}
    with pytest.raises(
        ApiError, match=r'violates PodSecurity "restricted:latest"|cannot set `allowPrivilegeEscalation`'
    ):
        door.try_out(pod)


def test_a_container_that_says_nothing_is_given_requests_and_a_limit(door: Door) -> None:
    told = render("serving", {**ALL["serving"][1], "namespace": NAMESPACE})
    pod = template_of(plain(told.one("Deployment")))
    assert pod is not None
    del pod["spec"]["containers"][0]["resources"]
    given = door.try_out(pod)["spec"]["containers"][0]["resources"]
    assert given == {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}


def test_a_service_that_the_gateway_does_not_stand_before_is_refused(door: Door) -> None:
    told = plain(render("serving", {**ALL["serving"][1], "namespace": NAMESPACE}).one("Service"))
    told["spec"]["type"] = "LoadBalancer"
    with pytest.raises(ApiError, match=r"exceeded quota: mlops, requested: services\.loadbalancers=1"):
        door.create(told)


@pytest.fixture(params=ACCOUNTS)
def account(request: pytest.FixtureRequest, control_plane: ControlPlane, door: Door) -> Api:
    """The API server as a pod would ask it that had got hold of a token."""
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{request.param}/token"
    token = door.api.post(path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
    return Api(control_plane.url, token["status"]["token"], control_plane.folder / "certs" / "apiserver.crt")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets"),
        ("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets/delay"),
        ("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps"),
        ("GET", f"/api/v1/namespaces/{NAMESPACE}/pods"),
        ("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"),
        ("DELETE", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/delay-v1"),
        ("PATCH", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/delay-v1/scale"),
        ("PATCH", f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/delay"),
        ("POST", f"/api/v1/namespaces/{NAMESPACE}/pods"),
        ("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/serving/token"),
        ("GET", "/api/v1/nodes"),
        ("GET", "/api/v1/secrets"),
    ],
)
def test_an_account_of_a_pod_can_read_no_secret_and_touch_nothing(account: Api, method: str, path: str) -> None:
    with pytest.raises(ApiError, match="forbidden") as refused:
        account.call(method, path, {})
    assert refused.value.status == 403


@pytest.mark.parametrize("who", ACCOUNTS)
def test_the_access_review_says_the_same(door: Door, who: str) -> None:
    user = f"system:serviceaccount:{NAMESPACE}:{who}"
    for verb, group, resource in (
        ("get", "", "secrets"),
        ("list", "", "secrets"),
        ("create", "", "pods/exec"),
        ("update", "apps", "deployments"),
        ("delete", "batch", "jobs"),
        ("patch", "gateway.networking.k8s.io", "httproutes"),
        ("escalate", "rbac.authorization.k8s.io", "roles"),
    ):
        asked = {"namespace": NAMESPACE, "verb": verb, "group": group, "resource": resource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "groups": ["system:serviceaccounts"], "resourceAttributes": asked},
        }
        told = door.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        assert told["status"]["allowed"] is False, (who, verb, resource)


def test_no_token_is_mounted_into_a_pod(door: Door) -> None:
    told = render("serving", {**ALL["serving"][1], "namespace": NAMESPACE})
    pod = template_of(plain(told.one("Deployment")))
    assert pod is not None
    spec = door.try_out(pod)["spec"]
    assert not [volume for volume in spec["volumes"] if "projected" in volume]
