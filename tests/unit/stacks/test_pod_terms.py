"""What the owners of a cluster ask of pods is on the pods of every program, beside what the program says itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rendered import render
from tests.unit.stacks.program_inputs import (
    FULL_PLATFORM,
    FULL_SCORING,
    FULL_SERVING,
    FULL_TRAINING,
    FULL_WATCHING,
    SECRETS,
    TENANT,
    TERMS,
    TRAINING,
)

FULL = {"training": FULL_TRAINING, "serving": FULL_SERVING, "watching": FULL_WATCHING, "scoring": FULL_SCORING}


def templates(program: str, inputs: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for it in render(program, inputs, SECRETS).objects.values():
        spec = it.get("spec", {})
        made = spec.get("template") or spec.get("jobTemplate", {}).get("spec", {}).get("template")
        found += [made] if made else []
    assert found
    return found


@pytest.mark.parametrize("program", FULL)
def test_pods_of_every_program_carry_what_is_asked_of_them(program: str) -> None:
    for template in templates(program, FULL[program]):
        spec = template["spec"]
        assert spec["nodeSelector"]["pool"] == "models"
        assert {"key": "dedicated", "operator": "Equal", "value": "models", "effect": "NoSchedule"} in spec[
            "tolerations"
        ]
        assert {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60} in spec["tolerations"]
        assert spec["affinity"]["nodeAffinity"] == TERMS["affinity"]["nodeAffinity"]
        assert spec["affinity"]["podAntiAffinity"] == TERMS["affinity"]["podAntiAffinity"]
        assert template["metadata"]["labels"]["example.com/team"] == "delays"
        assert template["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "mlops"
        assert template["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
        assert {"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"} in spec["containers"][0]["env"]
        assert {"name": "scratch", "emptyDir": {"sizeLimit": "40Gi"}} in spec["volumes"]


def test_what_a_training_asks_of_nodes_itself_stays() -> None:
    (template,) = templates("training", FULL_TRAINING)
    spec = template["spec"]
    assert spec["nodeSelector"] == {"pool": "models", "nvidia.com/gpu.product": FULL_TRAINING["product"]}
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in spec["tolerations"]
    assert "podAffinity" in spec["affinity"]
    assert spec["containers"][0]["resources"]["requests"]["ephemeral-storage"] == "40Gi"


def test_spot_asks_for_nodes_that_can_be_taken_away() -> None:
    (template,) = templates("training", {**TRAINING, "spot": True})
    terms = template["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    asked = {
        one["preference"]["matchExpressions"][0]["key"]: one["preference"]["matchExpressions"][0]["values"]
        for one in terms
    }
    assert asked["karpenter.sh/capacity-type"] == ["spot"]
    assert asked["cloud.google.com/gke-spot"] == ["true"]
    assert "affinity" not in templates("training", TRAINING)[0]["spec"]


@pytest.mark.parametrize(("cpu", "gpus", "threads"), [("8", 0, "8"), ("8", 4, "2"), ("500m", 0, "1"), ("2", 4, "1")])
def test_a_process_gets_the_threads_that_its_pod_has_processors_for(cpu: str, gpus: int, threads: str) -> None:
    (template,) = templates("training", {**TRAINING, "cpu": cpu, "gpus": gpus})
    assert {"name": "OMP_NUM_THREADS", "value": threads} in template["spec"]["containers"][0]["env"]


def test_a_tenant_s_stack_makes_accounts_and_networks_alone() -> None:
    kinds = {it["kind"] for name, it in render("platform", TENANT).objects.items() if name != "cluster"}
    assert kinds == {"ServiceAccount", "NetworkPolicy"}


def test_accounts_have_the_identity_that_is_asked_for() -> None:
    accounts = {it["metadata"]["name"]: it["metadata"] for it in render("platform", FULL_PLATFORM).of("ServiceAccount")}
    assert accounts["training"]["annotations"] == {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/train"}
    assert "annotations" not in accounts["serving"]
