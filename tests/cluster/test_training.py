"""Trainings by the real engine, API server, scheduler and job controller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.api import Api, until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.nodes import H100, L4
from tests.cluster.running import Running, plain_preview, steps
from tests.unit.stacks.program_inputs import FULL_TRAINING, SECRETS, TRAINING

NAMESPACE = "learning"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
NOWHERE = "a-product-that-no-node-has"


@pytest.fixture(scope="module")
def ground(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    platform = Running(tmp_path_factory.mktemp("ground"), control_plane, "platform")
    with platform.tell({"namespace": NAMESPACE, "gpus": 8}).going():
        platform.up()
        yield control_plane.api()


@pytest.fixture
def training(control_plane: ControlPlane, tmp_path: Path, ground: Api) -> Iterator[Running]:
    with Running(tmp_path, control_plane, "training").going() as made:
        yield made


def told(job: str, **more: Any) -> dict[str, Any]:
    return {**TRAINING, "namespace": NAMESPACE, "job": job, **more}


def pods(api: Api, job: str) -> list[dict[str, Any]]:
    return api.items(f"{PODS}?labelSelector=batch.kubernetes.io/job-name={job}")


def condition(api: Api, job: str) -> dict[str, str]:
    """The last word on a job."""
    ends = {it["type"]: it.get("reason", "") for it in api.get(f"{JOBS}/{job}")["status"].get("conditions", [])}
    return {kind: ends[kind] for kind in ("Complete", "Failed") if kind in ends}


def end(api: Api, pod: dict[str, Any], *, code: int, **more: Any) -> None:
    """As the kubelet tells that the container has ended."""
    state = {"terminated": {"exitCode": code, "reason": "Error", "startedAt": None, "finishedAt": None}}
    container = pod["spec"]["containers"][0]
    status = {
        "phase": "Failed",
        "containerStatuses": [
            {"name": container["name"], "image": container["image"], "imageID": "", "ready": False, "restartCount": 0,
             "state": state},
        ],
        **more,
    }  # fmt: skip
    api.patch(f"{PODS}/{pod['metadata']['name']}/status", {"status": status})


def test_a_training_lands_on_a_node_of_the_product_and_ends(training: Running, ground: Api) -> None:
    training.tell(told("on-h100", gpus=4, product=H100, priority_class=f"{NAMESPACE}-training"))
    assert steps(training.up()) == {"service/on-h100": "create", "job/on-h100": "create"}
    (pod,) = until(lambda: [it for it in pods(ground, "on-h100") if it["spec"].get("nodeName")], "a node was found")
    assert (
        ground.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")["metadata"]["labels"]["nvidia.com/gpu.product"] == H100
    )
    assert pod["spec"]["priority"] == 1000
    assert until(lambda: condition(ground, "on-h100"), "the job ended") == {"Complete": "CompletionsReached"}
    assert training.preview().is_empty
    assert plain_preview(training) == {}


def test_without_a_product_it_lands_on_any_gpu_and_without_gpus_on_none(training: Running, ground: Api) -> None:
    training.tell(told("on-cpu"))
    training.up()
    (pod,) = until(lambda: [it for it in pods(ground, "on-cpu") if it["spec"].get("nodeName")], "a node was found")
    assert pod["spec"]["nodeName"].startswith("cpu-")


def test_more_than_the_quota_is_refused_in_the_api_server_s_own_words(training: Running, ground: Api) -> None:
    training.tell(told("too-much", gpus=16, product=H100))
    training.up()
    path = f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=involvedObject.name=too-much"
    event = until(lambda: [it for it in ground.items(path) if it["reason"] == "FailedCreate"], "an event")[0]
    assert "exceeded quota: mlops, requested: requests.nvidia.com/gpu=16" in event["message"]
    assert "limited: requests.nvidia.com/gpu=8" in event["message"]
    assert not pods(ground, "too-much")


def test_two_pods_have_ranks_and_find_the_first_by_name(training: Running, ground: Api) -> None:
    training.tell(told("pair", pods=2, gpus=1, product=L4))
    assert steps(training.up()) == dict.fromkeys(("service/pair", "network/pair", "job/pair"), "create")
    both = until(lambda: len(found := pods(ground, "pair")) == 2 and found, "two pods")
    ranks = {it["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]: it for it in both}
    assert sorted(ranks) == ["0", "1"]
    for rank, pod in ranks.items():
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == (f"pair-{rank}", "pair")
        env = {it["name"]: it for it in pod["spec"]["containers"][0]["env"]}
        assert env["MLOPS_COORDINATOR"]["value"] == "pair-0.pair"
        assert env["MLOPS_PODS"]["value"] == "2"
        field = env["JOB_COMPLETION_INDEX"]["valueFrom"]["fieldRef"]["fieldPath"]
        assert field.endswith("['batch.kubernetes.io/job-completion-index']")
        assert pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] == rank
    assert ground.get(f"/api/v1/namespaces/{NAMESPACE}/services/pair")["spec"]["clusterIP"] == "None"
    assert until(lambda: condition(ground, "pair"), "the job ended") == {"Complete": "CompletionsReached"}


def test_another_digest_is_another_job_and_another_image_replaces_it(training: Running, ground: Api) -> None:
    full = {**FULL_TRAINING, "namespace": NAMESPACE, "gpus": 1, "priority_class": f"{NAMESPACE}-training"}
    training.tell({**full, "job": "one"}, SECRETS)
    parts = ("service", "files", "secret", "network", "job")
    assert steps(training.up()) == {f"{part}/one": "create" for part in parts}
    assert ground.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/one")["data"]["params_2Fmodel_2Fdelay.json"] == "{}"

    training.tell({**full, "job": "two"}, SECRETS)
    expected = {f"{part}/one": "delete" for part in parts} | {f"{part}/two": "create" for part in parts}
    assert steps(training.preview()) == steps(training.up()) == expected
    until(lambda: not ground.exists(f"{JOBS}/one"), "the first job gone")

    training.tell({**full, "job": "two", "image": "registry.example/other@sha256:" + "1" * 64}, SECRETS)
    uid = ground.get(f"{JOBS}/two")["metadata"]["uid"]
    assert steps(training.preview()) == steps(training.up()) == {"job/two": "replace"}
    assert ground.get(f"{JOBS}/two")["metadata"]["uid"] != uid


def test_the_same_job_is_started_anew_at_once_though_its_pods_still_go(training: Running, ground: Api) -> None:
    training.tell(told("again", product=NOWHERE))
    training.up()
    (pod,) = until(lambda: pods(ground, "again"), "a pod")
    held = f"{PODS}/{pod['metadata']['name']}"
    ground.patch(held, {"metadata": {"finalizers": ["tests.example/held", *pod["metadata"]["finalizers"]]}})
    training.destroy()
    training.up()
    uid = ground.get(f"{JOBS}/again")["metadata"]["uid"]
    assert uid != pod["metadata"]["ownerReferences"][0]["uid"]
    ground.patch(held, {"metadata": {"finalizers": None}})


def test_a_mistake_ends_the_job_at_once(training: Running, ground: Api) -> None:
    training.tell(told("mistaken", product=NOWHERE))
    training.up()
    (pod,) = until(lambda: pods(ground, "mistaken"), "a pod")
    end(ground, pod, code=1)
    assert until(lambda: condition(ground, "mistaken"), "the job ended") == {"Failed": "PodFailurePolicy"}


def test_another_failure_is_tried_again_as_often_as_is_said(training: Running, ground: Api) -> None:
    training.tell(told("unlucky", product=NOWHERE, retries=1))
    training.up()
    (first,) = until(lambda: pods(ground, "unlucky"), "a pod")
    end(ground, first, code=137)
    second = until(lambda: _other(ground, "unlucky", {first["metadata"]["name"]}), "another pod", seconds=60)
    end(ground, second, code=137)
    assert until(lambda: condition(ground, "unlucky"), "the job ended") == {"Failed": "BackoffLimitExceeded"}


def test_a_pod_that_was_taken_away_does_not_count(training: Running, ground: Api) -> None:
    training.tell(told("preempted", product=NOWHERE, retries=0, spot=True))
    training.up()
    (first,) = until(lambda: pods(ground, "preempted"), "a pod")
    taken = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    end(ground, first, code=143, conditions=[taken])
    until(lambda: _other(ground, "preempted", {first["metadata"]["name"]}), "another pod", seconds=60)
    assert ground.get(f"{JOBS}/preempted")["status"].get("failed", 0) == 0
    assert not condition(ground, "preempted")


def test_when_one_of_several_has_failed_for_good_all_have(training: Running, ground: Api) -> None:
    training.tell(told("together", pods=2, product=NOWHERE, retries=0))
    training.up()
    both = until(lambda: len(found := pods(ground, "together")) == 2 and found, "two pods")
    end(ground, both[1], code=75)
    assert until(lambda: condition(ground, "together"), "the job ended") == {"Failed": "MaxFailedIndexesExceeded"}
    until(lambda: not [it for it in pods(ground, "together") if it["status"]["phase"] == "Pending"], "none waits")


def _other(api: Api, job: str, known: set[str]) -> dict[str, Any] | None:
    return next((it for it in pods(api, job) if it["metadata"]["name"] not in known), None)
