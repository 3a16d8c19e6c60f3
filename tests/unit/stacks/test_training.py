from __future__ import annotations

from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.objects.pods import config_map_key
from tests.rendered import Rendered, render
from tests.unit.stacks.program_inputs import FULL_TRAINING, SECRETS, TRAINING


def pod(rendered: Rendered) -> dict[str, Any]:
    spec: dict[str, Any] = rendered.one("Job")["spec"]["template"]["spec"]
    return spec


def environment(rendered: Rendered) -> dict[str, Any]:
    return {it["name"]: it.get("value", it.get("valueFrom")) for it in pod(rendered)["containers"][0]["env"]}


def test_one_pod_is_tried_again_as_often_as_retries_allow() -> None:
    spec = render("training", {**TRAINING, "retries": 3}).one("Job")["spec"]
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == 1
    assert spec["backoffLimit"] == 3
    assert "backoffLimitPerIndex" not in spec
    assert spec["activeDeadlineSeconds"] == 14400
    assert spec["ttlSecondsAfterFinished"] == 604_800


def test_several_pods_are_one_program_and_fail_together() -> None:
    spec = render("training", {**TRAINING, "pods": 3}).one("Job")["spec"]
    assert spec["completions"] == spec["parallelism"] == 3
    assert spec["backoffLimitPerIndex"] == 2
    assert spec["maxFailedIndexes"] == 0
    assert "backoffLimit" not in spec


def test_a_pod_that_was_taken_away_is_not_counted_and_a_mistake_is_not_tried_again() -> None:
    lost, mistaken = render("training", TRAINING).one("Job")["spec"]["podFailurePolicy"]["rules"]
    assert lost == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert mistaken == {"action": "FailJob", "onExitCodes": {"containerName": "train", "operator": "In", "values": [1]}}


def test_pods_find_each_other_by_name_before_they_are_ready() -> None:
    rendered = render("training", {**TRAINING, "pods": 2})
    service = rendered.one("Service")["spec"]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True
    labels = rendered.one("Job")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert pod(rendered)["subdomain"] == rendered.one("Service")["metadata"]["name"] == "delay-1f0c"
    assert environment(rendered)["MLOPS_COORDINATOR"] == "delay-1f0c-0.delay-1f0c"
    assert environment(rendered)["MLOPS_PODS"] == "2"


def test_pods_of_one_job_reach_each_other_and_a_single_one_is_reached_by_nobody() -> None:
    spec = render("training", {**TRAINING, "pods": 2}).one("NetworkPolicy")["spec"]
    own = {"matchLabels": spec["podSelector"]["matchLabels"]}
    assert spec["ingress"] == [{"from": [{"podSelector": own}]}]
    assert own["matchLabels"]["app.kubernetes.io/instance"] == "delay-1f0c"
    assert not render("training", TRAINING).of("NetworkPolicy")


def test_gpus_are_asked_for_of_the_product_and_the_node_s_taint_is_borne() -> None:
    rendered = render("training", {**TRAINING, "gpus": 2, "product": "NVIDIA-L4"})
    resources = pod(rendered)["containers"][0]["resources"]
    assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "2"
    assert pod(rendered)["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert pod(rendered)["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert environment(rendered)["MLOPS_GPUS"] == "2"


def test_pod_without_gpus_tolerates_no_taint() -> None:
    assert not pod(render("training", TRAINING)).get("tolerations")


def test_spot_pod_tolerates_nodes_that_can_be_taken_away() -> None:
    borne = {it["key"] for it in pod(render("training", {**TRAINING, "spot": True}))["tolerations"]}
    assert "cloud.google.com/gke-spot" in borne
    assert "nvidia.com/gpu" not in borne


def test_the_workspace_starts_with_the_files_under_their_paths() -> None:
    rendered = render("training", FULL_TRAINING, SECRETS)
    assert rendered.one("ConfigMap")["data"] == {"params_2Fmodel_2Fdelay.json": "{}", ".dvc_2Fconfig": "[core]"}
    assert rendered.one("ConfigMap")["immutable"] is True
    (given_volume,) = [it for it in pod(rendered)["volumes"] if it["name"] == "given"]
    assert given_volume["configMap"]["items"] == [
        {"key": ".dvc_2Fconfig", "path": ".dvc/config"},
        {"key": "params_2Fmodel_2Fdelay.json", "path": "params/model/delay.json"},
    ]
    (copy,) = pod(rendered)["initContainers"]
    assert copy["command"] == ["cp", "-r", "/given/..data/.", "/workspace"]
    assert {"name": "scratch", "mountPath": "/workspace", "subPath": "workspace"} in copy["volumeMounts"]
    assert pod(rendered)["containers"][0]["workingDir"] == "/workspace"


def test_job_without_files_copies_nothing() -> None:
    rendered = render("training", TRAINING)
    assert not rendered.of("ConfigMap")
    assert "initContainers" not in pod(rendered)


def test_more_than_a_cluster_takes_is_refused_with_the_largest_named() -> None:
    files = {"small.json": "{}", "data/large.csv": "x" * 2**20}
    with pytest.raises(
        pulumi.RunError, match=r"1,048,602 bytes.*1,048,576 in one.*largest is data/large\.csv with 1,048,576"
    ):
        render("training", {**TRAINING, "files": files})


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "a//b", ".", ""])
def test_a_path_outside_the_workspace_is_refused(path: str) -> None:
    with pytest.raises(pulumi.RunError, match="is no relative path"):
        render("training", {**TRAINING, "files": {path: "x"}})


@pytest.mark.slow
@given(st.text(min_size=1), st.text(min_size=1))
def test_no_two_paths_share_a_key(one: str, other: str) -> None:
    assert (config_map_key(one) == config_map_key(other)) == (one == other)
    assert all(letter.isascii() and (letter.isalnum() or letter in "-._") for letter in config_map_key(one))


def test_secrets_are_variables_and_ours_win_over_the_user_s() -> None:
    rendered = environment(render("training", {**FULL_TRAINING, "env": {"MLOPS_PODS": "9", "A": "b"}}, SECRETS))
    assert rendered["REMOTE_KEY"] == {"secretKeyRef": {"name": "delay-1f0c", "key": "REMOTE_KEY"}}
    assert rendered["MLOPS_PODS"] == "2"
    assert rendered["A"] == "b"


def test_the_secret_holds_the_value_and_no_other() -> None:
    data = render("training", FULL_TRAINING, SECRETS).one("Secret")["data"]
    assert {name: data.value[name] for name in data.value} == {"REMOTE_KEY": "cmVtb3RlIGh1c2g="}


def test_a_job_whose_pods_would_have_no_host_name_is_refused() -> None:
    with pytest.raises(pulumi.RunError, match="which has more than 63 letters"):
        render("training", {**TRAINING, "job": "a" * 62})


def test_the_job_starts_after_all_that_it_needs() -> None:
    rendered = render("training", FULL_TRAINING, SECRETS)
    assert rendered.after["job/delay-1f0c"] == {
        "service/delay-1f0c",
        "files/delay-1f0c",
        "secret/delay-1f0c",
        "network/delay-1f0c",
    }


def test_shared_memory_is_as_large_as_the_pod_s() -> None:
    rendered = pod(render("training", {**TRAINING, "memory": "64Gi"}))
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Gi"}} in rendered["volumes"]
