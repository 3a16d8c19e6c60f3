"""What a plan and a status say of a stack that was applied: whether it works, what cannot change, what would lose data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.api import Api, until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.pulumi_home import pulumi_environment
from tests.cluster.workplace import NAMESPACE, ClusterPlace, cluster_project, gone_afterwards

OWN = "ml-truth"
CLAIMS = f"/api/v1/namespaces/{OWN}/persistentvolumeclaims"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
STACK = ("--target", "stack.gpu")
SIZE = "stack.gpu.storage.size"


@pytest.fixture(scope="module")
def classes(admin: Api) -> None:
    """Of `nobody` no volume is ever made; of `late` one is, once a pod wants it; both are for one test module."""
    for name, binding in (("nobody", "Immediate"), ("late", "WaitForFirstConsumer")):
        admin.post(
            CLASSES,
            {"metadata": {"name": name}, "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": binding},
        )


@pytest.fixture(scope="module")
def place(
    control_plane: ControlPlane, classes: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterPlace]:
    """Applied, with a claim of a class that nobody serves."""
    folder = tmp_path_factory.mktemp("truth")
    made = cluster_project(folder / "project", pulumi_environment(folder, control_plane.kubeconfig))
    made.edit("conf/stack/gpu.yaml", f"namespace: {NAMESPACE}", f"namespace: {OWN}")
    made.edit("conf/stack/gpu.yaml", "storage: { size: 10Gi }", "storage: { size: 10Gi, storage_class: nobody }")
    with gone_afterwards(made):
        made.mlops("apply", "--yes", *STACK)
        yield made


def test_a_claim_that_stays_pending_is_told_by_plan_and_status(place: ClusterPlace) -> None:
    done = place.mlops("plan", "--detailed-exitcode", *STACK, code=1)
    assert "No changes, and not all is well" in done.stdout
    assert "stack.gpu does not work as it was applied" in done.stdout
    assert "Claim mlops is Pending, so pods that write prediction logs do not start" in done.stdout
    status = place.status()["stack.gpu"]
    assert status["state"] == "failed"
    assert "Claim mlops is Pending" in status["attention"][0]


def test_a_claim_cannot_shrink_and_the_plan_knows(place: ClusterPlace, admin: Api) -> None:
    change = place.change("stack.gpu", f"{SIZE}=5Gi")
    assert "Claim mlops asks for 10Gi, and no claim can be made smaller" in change["obstacles"][0]
    done = place.mlops("apply", "--yes", *STACK, f"{SIZE}=5Gi", code=1)
    assert "cannot be carried out" in done.stderr
    assert admin.get(f"{CLAIMS}/mlops")["spec"]["resources"]["requests"]["storage"] == "10Gi"


def test_a_claim_cannot_grow_where_its_class_forbids_it(place: ClusterPlace) -> None:
    assert "lets no volume grow (allowVolumeExpansion)" in place.change("stack.gpu", f"{SIZE}=20Gi")["obstacles"][0]


def test_a_refused_apply_is_no_dead_end(place: ClusterPlace) -> None:
    """The API server refuses what the preflight would have; the next plan and the next apply are as if it had not been tried."""
    refused = place.mlops("apply", "--yes", "--no-preflight", *STACK, f"{SIZE}=5Gi", code=1)
    assert "Traceback" not in refused.stderr
    place.mlops("apply", "--yes", *STACK)
    assert "stack.gpu" not in place.words()
    place.mlops("plan", "--out", "plan.json", "--no-preflight", *STACK, f"{SIZE}=5Gi")
    assert "Traceback" not in place.mlops("apply", "plan.json", code=1).stderr
    for words in (["plan.json"], ["plan.json", "--resume"]):
        again = place.mlops("apply", *words, code=None)
        assert again.returncode in (1, 4)
        assert "Traceback" not in again.stderr
    place.mlops("apply", "--yes", *STACK)
    assert "stack.gpu" not in place.words()


@pytest.mark.parametrize(
    ("words", "action"), [(["stack.gpu.storage=null"], "delete"), (["stack.gpu.storage.storage_class=late"], "replace")]
)
def test_a_claim_goes_only_where_its_stack_is_named(
    place: ClusterPlace, admin: Api, words: list[str], action: str
) -> None:
    uid = admin.get(f"{CLAIMS}/mlops")["metadata"]["uid"]
    (claim,) = [part for part in place.change("stack.gpu", *words)["parts"] if part["loses_data"]]
    assert (claim["name"], claim["action"]) == ("PersistentVolumeClaim mlops", action)
    done = place.mlops("apply", "--yes", *STACK, *words, code=1)
    assert "data would be lost" in done.stderr
    assert "--allow-data-loss stack.gpu" in done.stderr
    assert admin.get(f"{CLAIMS}/mlops")["metadata"]["uid"] == uid
    place.mlops("apply", "--yes", "--allow-data-loss", "stack.gpu", *STACK, *words)
    if action == "delete":
        until(lambda: not admin.exists(f"{CLAIMS}/mlops"), "the claim is gone")
        place.mlops("apply", "--yes", *STACK)
        return
    kept = admin.get(f"{CLAIMS}/mlops")["metadata"]["uid"]
    nowhere = "stack.gpu.storage.storage_class=nowhere"
    done = place.mlops("apply", "--yes", "--no-preflight", *STACK, nowhere, code=1)
    assert "data would be lost" in done.stderr, "what stands in the way hides nothing from who tries nevertheless"
    assert admin.get(f"{CLAIMS}/mlops")["metadata"]["uid"] == kept
    made: dict[str, Any] = admin.get(f"{CLAIMS}/mlops")
    assert (made["spec"]["storageClassName"], made["metadata"]["uid"] == uid) == ("late", False)
    assert place.status()["stack.gpu"]["state"] == "ok", "a claim that waits for its first pod is no fault"
