from __future__ import annotations

from typing import Any

import pytest

from tests.rendered import Rendered, render
from tests.unit.stacks.program_inputs import FULL_PLATFORM, PLATFORM


def policy(rendered: Rendered, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = rendered.objects[f"network/{name}"]["spec"]
    return spec


def test_the_namespace_lets_only_restricted_pods_in() -> None:
    labels = render("platform", PLATFORM).one("Namespace")["metadata"]["labels"]
    assert {
        mode: labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")
    } == dict.fromkeys(("enforce", "audit", "warn"), "restricted")


def test_a_namespace_that_was_there_is_patched_and_so_is_never_deleted() -> None:
    rendered = render("platform", {**PLATFORM, "adopt": True})
    assert rendered.types["namespace"] == "kubernetes:core/v1:NamespacePatch"
    assert rendered.objects["namespace"]["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}
    assert render("platform", PLATFORM).types["namespace"] == "kubernetes:core/v1:Namespace"


def test_every_object_in_the_namespace_waits_for_it() -> None:
    rendered = render("platform", FULL_PLATFORM)
    inside = {name for name, it in rendered.objects.items() if "namespace" in it.get("metadata", {})}
    assert len(inside) == 10
    assert all("namespace" in rendered.after[name] for name in inside)


@pytest.mark.parametrize(
    ("gpus", "expected"), [(None, None), (0, "0"), (16, "16")], ids=["no limit", "none at all", "sixteen"]
)
def test_gpus_are_limited_by_the_quota(gpus: int | None, expected: str | None) -> None:
    hard = render("platform", {**PLATFORM, "gpus": gpus}).one("ResourceQuota")["spec"]["hard"]
    assert hard.get("requests.nvidia.com/gpu") == expected
    assert hard["services.loadbalancers"] == hard["services.nodeports"] == "0"


def test_more_limits_are_added_and_win() -> None:
    more = {"requests.cpu": "64", "services.loadbalancers": "1"}
    hard = render("platform", {**PLATFORM, "quota": more}).one("ResourceQuota")["spec"]["hard"]
    assert hard == {"requests.cpu": "64", "services.loadbalancers": "1", "services.nodeports": "0"}


def test_a_container_that_says_nothing_gets_little() -> None:
    (limit,) = render("platform", PLATFORM).one("LimitRange")["spec"]["limits"]
    assert limit["defaultRequest"] == {"cpu": "100m", "memory": "256Mi"}
    assert limit["default"] == {"memory": "1Gi"}


def test_serving_goes_before_training_which_pushes_nobody_away() -> None:
    classes = {it["metadata"]["name"]: it for it in render("platform", PLATFORM).of("PriorityClass")}
    assert classes["ml-serving"]["value"] > classes["ml-training"]["value"] > 0
    assert classes["ml-training"]["preemptionPolicy"] == "Never"


def test_accounts_have_no_token_no_role_and_the_registry_s_secret() -> None:
    rendered = render("platform", FULL_PLATFORM)
    accounts = rendered.of("ServiceAccount")
    assert {it["metadata"]["name"] for it in accounts} == {"training", "serving", "watching"}
    assert all(it["automountServiceAccountToken"] is False for it in accounts)
    assert all(it["imagePullSecrets"] == [{"name": "registry"}] for it in accounts)
    assert not [it for it in rendered.objects.values() if "Role" in it.get("kind", "")]


def test_default_policy_refuses_all_traffic_in_and_out() -> None:
    assert policy(render("platform", PLATFORM), "default") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_pods_of_others_in_an_adopted_namespace_go_on_talking() -> None:
    rendered = policy(render("platform", {**PLATFORM, "adopt": True}), "default")
    assert rendered["podSelector"] == {"matchLabels": {"app.kubernetes.io/managed-by": "mlops"}}


def test_serving_is_asked_by_the_gateway_the_watchers_and_the_metrics_alone() -> None:
    (rule,) = policy(render("platform", FULL_PLATFORM), "serving")["ingress"]
    assert rule["ports"] == [{"port": 8000, "protocol": "TCP"}]
    assert rule["from"] == [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/component": "watching"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "metrics"}}},
    ]


def test_a_gateway_in_the_same_namespace_may_ask_and_training_may_not() -> None:
    (rule,) = policy(render("platform", PLATFORM), "serving")["ingress"]
    assert rule["from"][1] == {
        "podSelector": {
            "matchExpressions": [
                {"key": "app.kubernetes.io/component", "operator": "NotIn", "values": ["training", "serving"]}
            ]
        }
    }


def test_serving_reaches_nothing_but_names() -> None:
    (rule,) = policy(render("platform", PLATFORM), "serving")["egress"]
    assert [port["port"] for port in rule["ports"]] == [53, 53]


@pytest.mark.parametrize("who", ["training", "watching"])
def test_the_node_s_credentials_are_out_of_reach(who: str) -> None:
    out = policy(render("platform", PLATFORM), who)["egress"][1]["to"]
    assert {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}} in out
    assert {"ipBlock": {"cidr": "::/0"}} in out


def test_blocked_networks_can_be_chosen() -> None:
    rendered = render("platform", {**PLATFORM, "blocked": ["fd00:ec2::254/128", "10.9.0.0/16"]})
    out = policy(rendered, "training")["egress"][1]["to"]
    assert out[0] == {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.9.0.0/16"]}}
    assert out[1] == {"ipBlock": {"cidr": "::/0", "except": ["fd00:ec2::254/128"]}}


def test_the_claim_is_for_many_and_of_the_class_that_is_asked_for() -> None:
    spec = render("platform", FULL_PLATFORM).one("PersistentVolumeClaim")["spec"]
    assert spec == {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "50Gi"}},
    }
    assert (
        "storageClassName" not in render("platform", {**PLATFORM, "storage": {}}).one("PersistentVolumeClaim")["spec"]
    )
    assert not render("platform", PLATFORM).of("PersistentVolumeClaim")
