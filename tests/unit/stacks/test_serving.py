from __future__ import annotations

from typing import Any

import pulumi
import pytest

from tests.rendered import Rendered, render
from tests.unit.stacks.program_inputs import DIGEST, FULL_SERVING, SECRETS, SERVING


def container(rendered: Rendered, version: str = "v1") -> dict[str, Any]:
    spec = rendered.objects[f"deployment/delay-{version}"]["spec"]["template"]["spec"]
    made: dict[str, Any] = spec["containers"][0]
    return made


def environment(rendered: Rendered) -> dict[str, str]:
    return {it["name"]: it["value"] for it in container(rendered)["env"]}


def test_each_version_has_its_own_deployment_service_and_budget() -> None:
    rendered = render("serving", FULL_SERVING, SECRETS)
    for kind in ("Deployment", "Service", "PodDisruptionBudget"):
        assert {it["metadata"]["name"] for it in rendered.of(kind)} == {"delay-v0", "delay-v1", "delay-v2"}


def test_a_service_finds_the_pods_of_its_version_and_of_no_other() -> None:
    rendered = render("serving", FULL_SERVING, SECRETS)
    for version in ("v1", "v2"):
        found = [
            name
            for name, it in rendered.objects.items()
            if it.get("kind") == "Deployment"
            and rendered.objects[f"service/delay-{version}"]["spec"]["selector"].items()
            <= it["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert found == [f"deployment/delay-{version}"]


def test_labels_that_change_are_in_no_selector() -> None:
    spec = render("serving", {**SERVING, "labels": {"team": "x"}}).one("Deployment")["spec"]
    assert "team" not in spec["selector"]["matchLabels"]
    assert spec["template"]["metadata"]["labels"]["team"] == "x"


def test_an_update_takes_no_pod_away_before_its_successor_is_ready() -> None:
    strategy = render("serving", SERVING).one("Deployment")["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_the_route_shares_the_traffic_out_among_those_that_have_some() -> None:
    route = render("serving", FULL_SERVING, SECRETS).one("HTTPRoute")["spec"]
    assert route["parentRefs"] == [
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gateway", "namespace": "gateways"}
    ]
    assert route["hostnames"] == ["models.example"]
    (rule,) = route["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/delay"}}]
    assert rule["filters"][0]["urlRewrite"]["path"] == {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    assert [(it["name"], it["port"], it["weight"]) for it in rule["backendRefs"]] == [
        ("delay-v1", 8000, 90),
        ("delay-v2", 8000, 10),
    ]


def test_endpoint_without_traffic_has_no_route() -> None:
    assert not render("serving", SERVING).of("HTTPRoute")


def test_traffic_to_a_version_that_is_not_there_is_refused() -> None:
    with pytest.raises(pulumi.RunError, match="traffic goes to v7, which is not among the versions"):
        render("serving", {**SERVING, "weights": {"v7": 100}})


def test_the_route_waits_for_every_service() -> None:
    after = render("serving", FULL_SERVING, SECRETS).after["route/delay"]
    assert {"service/delay-v1", "service/delay-v2"} <= after


def test_rollout_state_can_be_read_back() -> None:
    exports = render("serving", FULL_SERVING, SECRETS).exports
    assert exports["rollout_state"]["weights"] == {"v1": 90, "v2": 10}
    assert exports["rollout_state"]["versions"]["v1"] == {"image": DIGEST, "tag": "delay:1", "key": "", "replicas": 2}
    assert exports["url"] == "https://models.example/delay"
    assert "url" not in render("serving", SERVING).exports


def test_an_autoscaler_decides_and_the_deployment_says_no_number() -> None:
    rendered = render("serving", FULL_SERVING, SECRETS)
    scaler = rendered.objects["autoscaler/delay-v1"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 8)
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "delay-v1"}
    cpu, rate = scaler["metrics"]
    assert cpu["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    assert rate["pods"]["metric"] == {"name": "mlops_requests_per_second"}
    assert rate["pods"]["target"] == {"type": "AverageValue", "averageValue": "200"}
    assert "replicas" not in rendered.objects["deployment/delay-v1"]["spec"]


def test_a_version_out_of_work_is_not_scaled() -> None:
    rendered = render("serving", FULL_SERVING, SECRETS)
    assert "autoscaler/delay-v0" not in rendered.objects
    assert rendered.objects["deployment/delay-v0"]["spec"]["replicas"] == 0


def test_more_replicas_than_the_most_raise_the_most() -> None:
    rendered = render(
        "serving", {**SERVING, "autoscale": {"most": 1}, "versions": {"v1": {"image": "x", "tag": "y", "replicas": 3}}}
    )
    assert rendered.one("HorizontalPodAutoscaler")["spec"]["maxReplicas"] == 3


def test_deployment_without_autoscaler_has_a_number_of_replicas() -> None:
    rendered = render("serving", SERVING)
    assert rendered.one("Deployment")["spec"]["replicas"] == 1
    assert not rendered.of("HorizontalPodAutoscaler")


def test_ready_is_the_golden_request_and_alive_is_less() -> None:
    made = container(render("serving", {**SERVING, "ready_timeout": 45}))
    assert made["readinessProbe"]["exec"]["command"] == ["python3", "-m", "mlops.workloads.serving.probe"]
    assert made["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert made["startupProbe"]["failureThreshold"] * made["startupProbe"]["periodSeconds"] == 45


def test_a_pod_may_end_what_it_has() -> None:
    rendered = render("serving", {**SERVING, "drain": 20, "grace": 30})
    assert rendered.one("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 55
    assert environment(rendered)["MLOPS_DRAIN"] == "20"
    assert environment(rendered)["MLOPS_GRACE"] == "30"


def test_pods_are_spread_over_nodes_and_zones() -> None:
    spread = render("serving", SERVING).one("Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert [it["topologyKey"] for it in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    assert {it["whenUnsatisfiable"] for it in spread} == {"ScheduleAnyway"}


def test_the_key_is_a_file_that_nobody_else_reads() -> None:
    rendered = render("serving", FULL_SERVING, SECRETS)
    assert environment(rendered)["MLOPS_API_KEY_FILE"] == "/run/secrets/mlops/api_key"
    assert {"name": "secrets", "mountPath": "/run/secrets/mlops", "readOnly": True} in container(rendered)[
        "volumeMounts"
    ]
    volumes = rendered.objects["deployment/delay-v1"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "secrets", "secret": {"secretName": "delay", "defaultMode": 0o440}} in volumes
    assert "MLOPS_API_KEY_FILE" not in environment(render("serving", SERVING))


def test_the_log_lies_on_the_claim_in_the_endpoint_s_folder() -> None:
    rendered = render("serving", {**SERVING, "log": {"sample": 0.25, "keep": 1234567}})
    assert {"name": "logs", "mountPath": "/var/log/mlops", "subPath": "logs/delay"} in container(rendered)[
        "volumeMounts"
    ]
    volumes = rendered.one("Deployment")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "logs", "persistentVolumeClaim": {"claimName": "mlops"}} in volumes
    log = {name: value for name, value in environment(rendered).items() if name.startswith("MLOPS_LOG")}
    assert log == {
        "MLOPS_LOG_DIR": "/var/log/mlops",
        "MLOPS_LOG_SAMPLE": "0.25",
        "MLOPS_LOG_FLUSH": "1",
        "MLOPS_LOG_KEEP": "1234567",
    }


def test_log_without_storage_lies_in_the_pod() -> None:
    rendered = render("serving", {**SERVING, "log": {"claim": None}})
    volumes = rendered.one("Deployment")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "logs", "emptyDir": {"sizeLimit": "1Gi"}} in volumes


def test_endpoint_without_log_has_no_log_variable() -> None:
    assert not [name for name in environment(render("serving", SERVING)) if name.startswith("MLOPS_LOG")]


@pytest.mark.parametrize("name", ["2fast", "Delay", "a_b", "a" * 62])
def test_names_that_no_service_can_have_are_refused(name: str) -> None:
    with pytest.raises(pulumi.RunError, match="cannot name an object of Kubernetes"):
        render("serving", {**SERVING, "name": name})
