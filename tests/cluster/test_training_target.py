"""Training on a cluster as a user meets it: stages as a Job whose pods really run, data and models through DVC's remote."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.api import Api, until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubelet import PRODUCT, Kubelet
from tests.cluster.pulumi_home import pulumi_environment
from tests.cluster.workplace import H100, NAMESPACE, ClusterPlace, cluster_project, gone_afterwards, make_volume
from tests.e2e.conftest import BIN

JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
REAL = f"training.product={PRODUCT}"


@pytest.fixture(scope="module")
def kubelet(admin: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    if os.getuid() != 0:
        pytest.skip("pods get mounts of their own, which needs root")
    made = Kubelet(admin, tmp_path_factory.mktemp("kubelet"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def place(
    control_plane: ControlPlane, admin: Api, kubelet: Kubelet, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterPlace]:
    """Its stack and data set are applied; its model is to be trained on the stack."""
    folder = tmp_path_factory.mktemp("training")
    make_volume(admin)
    made = cluster_project(folder / "project", pulumi_environment(folder, control_plane.kubeconfig))
    (made.root / "conf/package/late.yaml").unlink()
    (made.root / "conf/env/dev.yaml").write_text(
        f"training: {{ stack: gpu, product: {PRODUCT}, memory: 1Gi, cpu: '1', time_limit: 10m, retries: 0 }}\n"
    )
    with gone_afterwards(made):
        yield made


def test_without_a_remote_the_plan_says_what_to_add(place: ClusterPlace) -> None:
    assert "dvc remote add" in place.change("model.late")["obstacles"][0]
    place.run("dvc", "remote", "add", "-d", "store", str(place.root.parent / "remote"))
    assert not place.change("model.late")["obstacles"]


def test_the_plan_says_where_a_model_will_be_trained(place: ClusterPlace) -> None:
    place.mlops("apply", "--yes", "--target", "dataset.rows", "--target", "stack.gpu")
    assert "on stack.gpu: 1 pod" in place.change("model.late")["notes"][0]


def test_gpus_that_the_trainer_would_leave_idle_are_told(place: ClusterPlace) -> None:
    words = ["training.gpus=2", f"training.product={H100}"]
    idle = f"on stack.gpu: 1 pod, 2 × {H100} each, and idle: trainer.accelerator is cpu"
    assert idle in place.change("model.late", *words)["notes"][0]
    assert "idle" not in place.change("model.late", *words, "model.late.trainer.accelerator=auto")["notes"][0]


def test_a_model_is_trained_by_a_pod_and_pinned_as_it_reported(place: ClusterPlace, admin: Api) -> None:
    place.mlops("apply", "--yes")
    job = admin.items(JOBS)[0]
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["status"]["succeeded"] == 1
    assert json.loads(place.run("dvc", "status", "--json").stdout) == {}
    assert "up to date" in place.run("dvc", "repro").stdout
    place.settled()
    assert "epoch 2 of 2" in place.mlops("logs", "model.late").stdout


def test_what_a_pod_makes_is_what_this_machine_makes(place: ClusterPlace) -> None:
    there = _outputs(place)
    place.run("dvc", "repro", "--force", "--single-item", "train@late", "evaluate@late", "export@late")
    assert _outputs(place) == there


def _outputs(place: ClusterPlace) -> dict[str, str]:
    import yaml

    stages = yaml.safe_load((place.root / "dvc.lock").read_text())["stages"]
    return {
        out["path"]: out["md5"]
        for name in ("train@late", "evaluate@late", "export@late")
        for out in stages[name]["outs"]
    }


def test_two_pods_train_one_model_together(place: ClusterPlace, admin: Api) -> None:
    place.mlops("apply", "--yes", "training.pods=2", "model.late.trainer.max_epochs=3")
    pods = {pod["metadata"]["name"].rsplit("-", 1)[0]: pod for pod in admin.items(PODS)}
    indexes = {pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] for pod in pods.values()}
    assert indexes == {"0", "1"}
    job = admin.items(JOBS)[0]["metadata"]["name"]
    for pod in pods.values():
        env = {one["name"]: one.get("value") for one in pod["spec"]["containers"][0]["env"]}
        assert (env["MLOPS_COORDINATOR"], env["MLOPS_PODS"]) == (f"{job}-0.{job}", "2")
        assert pod["spec"]["hostname"] in (f"{job}-0", f"{job}-1")
    assert json.loads(place.run("dvc", "status", "--json").stdout) == {}


def test_trials_are_pods_of_a_job_and_one_that_is_lost_loses_none(place: ClusterPlace, admin: Api) -> None:
    space = "{optimizer.lr:{log:[0.001,0.1]},optimizer.weight_decay:{log:[0.0001,0.1]}}"
    words = [f"model.late.tune={{trials:60,parallel:3,search:random,space:{space}}}", "training.retries=3"]
    words.append("model.late.trainer.max_epochs=20")  # so long that the search goes on while a pod is taken away
    assert (
        "on stack.gpu: 3 pods for the trials of the search, then 1 pod"
        in place.change("model.late", *words)["notes"][0]
    )
    command = [str(BIN / "mlops"), "apply", "--yes", *words]
    apply = subprocess.Popen(command, cwd=place.root, env=place.env, stdin=subprocess.DEVNULL)
    some = re.compile(r"trial [1-9]\d* of 60")
    until(lambda: some.search(place.mlops("logs", "model.late").stdout), "some trials", seconds=300, every=0.2)
    pods = {
        pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: pod for pod in admin.items(PODS)
    }
    assert pods.keys() == {"0", "1", "2"}
    admin.delete(f"{PODS}/{pods['1']['metadata']['name']}")
    assert apply.wait(timeout=600) == 0
    trials = json.loads((place.root / "tuning/model/late.json").read_text())["trials"]
    assert [one["number"] for one in trials] == list(range(60))
    assert len({json.dumps(one["values"]) for one in trials}) == 60
    assert json.loads(place.run("dvc", "status", "--json").stdout) == {}


def test_a_mistake_in_a_stage_is_told_in_its_own_words_and_not_tried_again(place: ClusterPlace, admin: Api) -> None:
    done = place.mlops("apply", "--yes", "model.late.optimizer={name: sgd, lr: 1e38}", code=1)
    assert "not a number" in done.stderr
    assert admin.items(JOBS)[0]["status"]["failed"] == 1


def test_more_gpus_than_the_quota_are_refused_by_plan_and_by_api_server(place: ClusterPlace) -> None:
    words = ["training.gpus=8", f"training.product={H100}", "model.late.trainer.seed=3", "stack.gpu.quota.gpus=4"]
    obstacle = place.change("model.late", *words)["obstacles"][0]
    assert "requests.nvidia.com/gpu of 8 is asked for, and the quota of namespace ml-small leaves 4 of 4" in obstacle
    assert "cannot be carried out" in place.mlops("apply", "--yes", *words, code=1).stderr
    forced = place.mlops("apply", "--yes", "--no-preflight", *words, code=1).stderr
    assert "exceeded quota: mlops, requested: requests.nvidia.com/gpu=8" in " ".join(forced.split())


def test_a_gpu_that_no_node_has_is_told_with_those_that_there_are(place: ClusterPlace) -> None:
    obstacle = place.change(
        "model.late", "training.gpus=1", "training.product=NVIDIA-B300", "model.late.trainer.seed=3"
    )["obstacles"]
    assert "No node has a GPU NVIDIA-B300; the cluster has: 64 × NVIDIA-H100-80GB-HBM3, 4 × NVIDIA-L4." in obstacle[0]


def test_a_pod_lands_on_a_node_with_the_asked_gpu(place: ClusterPlace, admin: Api) -> None:
    """Nobody runs a process there, so there is no report, and that is told."""
    words = ["training.gpus=2", f"training.product={H100}", "model.late.trainer.seed=4"]
    done = place.mlops("apply", "--yes", *words, code=1)
    assert "left no report" in done.stderr
    pod: dict[str, Any] = admin.items(PODS)[-1]
    node = admin.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")
    assert node["metadata"]["labels"]["nvidia.com/gpu.product"] == H100
    assert pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "2"
