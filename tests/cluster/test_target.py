"""The target `kubernetes` as a user meets it: plan, apply, drift, rollout, kill and destroy, on a real API server."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops.tools.pulumi_programs import find_program
from tests import images
from tests.cluster.api import Api, until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.gateways import CLASS, GATEWAYS, NAME, add_class, add_gateway
from tests.cluster.pulumi_home import pulumi_environment
from tests.cluster.workplace import (
    NAMESPACE,
    ClusterPlace,
    cluster_project,
    gone_afterwards,
    make_volume,
    serving,
    weights,
)
from tests.e2e.conftest import BIN

CORE = f"/api/v1/namespaces/{NAMESPACE}"
POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"


@pytest.fixture(scope="module")
def place(control_plane: ControlPlane, admin: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterPlace]:
    folder = tmp_path_factory.mktemp("target")
    make_volume(admin)
    with gone_afterwards(
        cluster_project(folder / "project", pulumi_environment(folder, control_plane.kubeconfig))
    ) as made:
        yield made


def parts(change: dict[str, Any]) -> dict[str, str]:
    return {part["name"]: part["action"] for part in change["parts"]}


def test_the_plan_of_a_new_stack_names_every_object(place: ClusterPlace) -> None:
    change = place.change("stack.gpu")
    told = parts(change)
    assert set(told.values()) == {"create"}
    assert {
        f"Namespace {NAMESPACE}",
        "ResourceQuota mlops",
        "NetworkPolicy mlops-default",
        "ServiceAccount training",
    } <= set(told)


def test_an_apply_makes_it_and_the_next_plan_is_empty(place: ClusterPlace, admin: Api) -> None:
    place.mlops("apply", "--yes", "--target", "stack.gpu")
    assert admin.get(f"{CORE}/resourcequotas/mlops")["spec"]["hard"]["requests.nvidia.com/gpu"] == "16"
    assert "stack.gpu" not in place.words()
    assert place.status()["stack.gpu"]["state"] == "ok"


def test_what_others_changed_is_told_by_field_and_put_right(place: ClusterPlace, admin: Api) -> None:
    admin.patch(f"{CORE}/resourcequotas/mlops", {"spec": {"hard": {"requests.nvidia.com/gpu": "99"}}})
    admin.delete(f"{POLICIES}/mlops-serving")
    change = place.change("stack.gpu")
    reasons = [reason["text"] for reason in change["reasons"]]
    assert "ResourceQuota mlops: spec.hard.requests.nvidia.com/gpu is 99, and 16 was applied" in reasons
    assert "NetworkPolicy mlops-serving is gone from the cluster" in reasons
    place.mlops("apply", "--yes", "--target", "stack.gpu")
    assert admin.get(f"{CORE}/resourcequotas/mlops")["spec"]["hard"]["requests.nvidia.com/gpu"] == "16"
    assert admin.exists(f"{POLICIES}/mlops-serving")
    assert "stack.gpu" not in place.words()


def test_a_changed_field_is_previewed_and_updated_in_place(place: ClusterPlace, admin: Api) -> None:
    uid = admin.get(f"{CORE}/resourcequotas/mlops")["metadata"]["uid"]
    place.edit("conf/stack/gpu.yaml", "gpus: 16", "gpus: 8")
    change = place.change("stack.gpu")
    told = [(part["name"], part["fields"]) for part in change["parts"]]
    assert told == [
        ("ResourceQuota mlops", [{"path": "spec.hard.requests.nvidia.com/gpu", "before": "16", "after": "8"}])
    ]
    place.mlops("apply", "--yes", "--target", "stack.gpu")
    quota = admin.get(f"{CORE}/resourcequotas/mlops")
    assert (quota["metadata"]["uid"], quota["spec"]["hard"]["requests.nvidia.com/gpu"]) == (uid, "8")


def test_an_account_without_rights_is_told_in_the_plan_and_nothing_is_tried(place: ClusterPlace) -> None:
    change = place.change("stack.gpu", "stack.gpu.context=limited")
    assert "may not create, patch, delete in namespace ml-small: resourcequotas" in change["obstacles"][0]
    done = place.mlops("apply", "--yes", "--target", "stack.gpu", "stack.gpu.context=limited", code=1)
    assert "cannot be carried out" in done.stderr
    assert "stack.gpu" not in place.words()


@pytest.mark.parametrize("word", ["manage=[quota,limits,priorities,accounts,network]", "adopt=true"])
def test_a_namespace_that_the_stack_made_is_not_given_up_by_a_word(place: ClusterPlace, admin: Api, word: str) -> None:
    """Pulumi would delete it, and with it all that is in it."""
    change = place.change("stack.gpu", f"stack.gpu.{word}")
    assert "would delete it with all that is in it" in change["obstacles"][0]
    place.mlops("apply", "--yes", "--target", "stack.gpu", f"stack.gpu.{word}", code=1)
    said = place.mlops("apply", "--yes", "--no-preflight", "--target", "stack.gpu", f"stack.gpu.{word}", code=None)
    assert said.returncode != 0
    assert "--allow-data-loss" in said.stderr
    assert admin.get(f"/api/v1/namespaces/{NAMESPACE}")["status"]["phase"] == "Active"


def test_a_cluster_that_does_not_answer_is_told_and_what_is_recorded_stands(
    place: ClusterPlace, tmp_path: Path
) -> None:
    config = json.loads(Path(place.env["KUBECONFIG"]).read_text())
    for one in config["clusters"]:
        one["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "config").write_text(json.dumps(config))
    elsewhere = ClusterPlace(place.root, {**place.more, "KUBECONFIG": str(tmp_path / "config")})
    document = elsewhere.plan()
    done = elsewhere.mlops("plan", "--detailed-exitcode", "--target", "stack.gpu", code=1)
    assert "No changes, and not all is well" in done.stdout
    assert "stack.gpu" not in {change["address"] for change in document["changes"]}
    assert any("does not answer" in line for item in document["attention"] for line in item["lines"])


def test_an_apply_killed_in_the_middle_of_an_update_is_repaired_by_the_next(place: ClusterPlace, admin: Api) -> None:
    for number in range(2):
        for policy in admin.items(POLICIES):
            admin.delete(f"{POLICIES}/{policy['metadata']['name']}")
        gone = threading.Event()
        watch = threading.Thread(target=_until_one_is_back, args=(admin, gone), daemon=True)
        watch.start()
        assert killed_when(gone, place, "--target", "stack.gpu"), f"round {number}: it ended before it could be killed"
        place.mlops("apply", "--yes", "--target", "stack.gpu")
        assert len(admin.items(POLICIES)) == 4
        assert "stack.gpu" not in place.words()


def test_a_state_whose_attributes_were_cut_by_a_kill_is_read_all_the_same(place: ClusterPlace) -> None:
    (torn,) = place.root.glob(".mlops/pulumi/state/.pulumi/stacks/platform/*.gpu.json.attrs")
    torn.write_bytes(b"")
    change = place.change("stack.gpu", "stack.gpu.quota.gpus=9")
    assert (change["obstacles"], parts(change)) == ([], {"ResourceQuota mlops": "update"})


def killed_when(event: threading.Event, place: ClusterPlace, *words: str) -> bool:
    """Whether SIGKILL ended an apply of these words."""
    process = subprocess.Popen(
        [BIN / "mlops", "apply", "--yes", *words], cwd=place.root, env=place.env, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    event.wait(120)
    process.kill()
    return process.wait() == -signal.SIGKILL


def _until_one_is_back(admin: Api, gone: threading.Event) -> None:
    until(lambda: admin.items(POLICIES), "a policy that is back", seconds=60)
    gone.set()


@pytest.fixture(scope="module")
def served(place: ClusterPlace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterPlace]:
    """With an endpoint, applied."""
    images.needed()
    with serving(place, tmp_path_factory.mktemp("serving")):
        place.mlops("apply", "--yes")
        place.settled()
        yield place


def test_an_endpoint_is_a_deployment_behind_a_route(served: ClusterPlace, admin: Api) -> None:
    assert weights(admin) == {"late-v1": 100}
    deployment = admin.get(f"{DEPLOYMENTS}/late-v1")
    assert (
        deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        == served.record("package.late")["outputs"]["image"]
    )
    assert served.status()["endpoint.late"]["text"] == "v1  healthy  2/2 replicas"


def test_no_secret_is_in_plan_state_or_pulumis_files(served: ClusterPlace) -> None:
    secret = served.env["LATE_KEY"]
    assert secret not in served.mlops("plan", "--format", "json", "endpoint.late.replicas=5").stdout
    assert secret not in served.mlops("state", "pull").stdout
    for path in (served.root / ".mlops").rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_more_replicas_are_a_rescale_of_one_field(served: ClusterPlace) -> None:
    change = served.change("endpoint.late", "endpoint.late.replicas=3")
    assert (change["category"], parts(change)) == ("RESCALE", {"Deployment late-v1": "update"})
    assert change["parts"][0]["fields"] == [{"path": "spec.replicas", "before": 2, "after": 3}]


def test_a_new_version_takes_the_traffic_in_the_declared_steps(served: ClusterPlace, admin: Api) -> None:
    served.edit("conf/package/late.yaml", "model: late\n", "model: late\napi: { threshold: 0.6 }\n")
    seen: list[dict[str, int]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            now = weights(admin)
            if not seen or seen[-1] != now:
                seen.append(now)
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        served.mlops("apply", "--yes")
    finally:
        over.set()
        thread.join()
    assert seen == [{"late-v1": 100}, {"late-v1": 50, "late-v2": 50}, {"late-v2": 100}]
    assert not admin.exists(f"{DEPLOYMENTS}/late-v1")
    served.settled()


def test_version_that_never_becomes_ready_is_taken_back(served: ClusterPlace, admin: Api) -> None:
    before = admin.get(f"{DEPLOYMENTS}/late-v2")
    served.edit("conf/stack/gpu.yaml", "memory: 200Gi }", "memory: 200Gi, pods: 3 }")
    served.edit("conf/package/late.yaml", "threshold: 0.6", "threshold: 0.7")
    done = served.mlops("apply", "--yes", code=1)
    assert "exceeded quota" in done.stderr
    assert "what was live stays live" in " ".join(done.stderr.split())
    assert weights(admin) == {"late-v2": 100}
    after = admin.get(f"{DEPLOYMENTS}/late-v2")
    assert [after["metadata"][key] for key in ("uid", "generation")] == [
        before["metadata"][key] for key in ("uid", "generation")
    ]
    assert [one["metadata"]["name"] for one in admin.items(DEPLOYMENTS)] == ["late-v2"]
    served.edit("conf/stack/gpu.yaml", ", pods: 3 }", " }")
    served.edit("conf/package/late.yaml", "threshold: 0.7", "threshold: 0.6")
    served.mlops("apply", "--yes")
    served.settled()


def test_replicas_that_somebody_scaled_are_told_and_put_back(served: ClusterPlace, admin: Api) -> None:
    name = served.record("endpoint.late")["outputs"]["version"]
    admin.patch(f"{DEPLOYMENTS}/late-{name}/scale", {"spec": {"replicas": 5}})
    change = served.change("endpoint.late")
    assert change["reasons"][0]["text"] == f"Deployment late-{name}: spec.replicas is 5, and 2 was applied"
    served.mlops("apply", "--yes")
    assert admin.get(f"{DEPLOYMENTS}/late-{name}")["spec"]["replicas"] == 2
    served.settled()


def test_pods_that_no_node_takes_are_told_by_plan_and_status(served: ClusterPlace, admin: Api) -> None:
    nodes = [f"/api/v1/nodes/{one['metadata']['name']}" for one in admin.items("/api/v1/nodes")]
    for node in nodes:
        admin.patch(node, {"spec": {"unschedulable": True}})
    try:
        for pod in admin.items(f"{CORE}/pods"):
            admin.delete(f"{CORE}/pods/{pod['metadata']['name']}")
        until(lambda: "no node takes it" in _faults(served), "a pod that no node takes")
        assert "No changes, and not all is well" in served.mlops("plan", "--detailed-exitcode", code=1).stdout
        status = served.status()["endpoint.late"]
        assert status["state"] == "failed"
        assert "nodes are available" in status["attention"][0]
    finally:
        for node in nodes:
            admin.patch(node, {"spec": {"unschedulable": False}})
    until(lambda: not _faults(served), "all pods run again")
    served.mlops("plan", "--detailed-exitcode", code=0)


def _faults(place: ClusterPlace) -> str:
    return " ".join(line for item in place.plan()["attention"] if item["is_fault"] for line in item["lines"])


def test_a_route_whose_gateway_has_gone_is_told_with_the_reason(served: ClusterPlace, admin: Api) -> None:
    admin.delete(f"{GATEWAYS}/{NAME}")
    try:
        until(lambda: "has not taken up the route late" in _faults(served), "the route without a Gateway")
        assert f"There is no Gateway {NAME} in namespace gateways; the cluster has: none" in _faults(served)
        served.mlops("plan", "--detailed-exitcode", code=1)
        assert served.status()["endpoint.late"]["state"] == "failed"
    finally:
        add_gateway(admin, NAME, CLASS)
    until(lambda: not _faults(served), "the route is taken up again")


def test_an_endpoint_behind_a_gateway_that_nobody_runs_is_never_called_done(served: ClusterPlace, admin: Api) -> None:
    words = ["stack.gpu.gateway.name=idle", "endpoint.late.replicas=3"]
    assert f"There is no Gateway idle in namespace gateways; the cluster has: gateways/{NAME}" in _obstacle(
        served, words
    )
    add_gateway(admin, "idle", "unknown")
    assert "of the class unknown, which does not exist" in _obstacle(served, words)
    add_class(admin, "unknown", "tests.example.org/nobody")
    assert "of the class unknown, and no controller has taken that class up" in _obstacle(served, words)
    assert "cannot be carried out" in served.mlops("apply", "--yes", *words, code=1).stderr
    forced = served.mlops("apply", "--yes", "--no-preflight", *words, "endpoint.late.rollout.ready_timeout=5s", code=1)
    assert "Gateway idle has not taken up the route late, so no request arrives" in " ".join(forced.stderr.split())
    served.mlops("apply", "--yes")
    served.settled()


def _obstacle(place: ClusterPlace, words: list[str]) -> str:
    return " ".join(place.change("endpoint.late", *words)["obstacles"])


def test_the_plain_pulumi_command_previews_the_same_program(served: ClusterPlace) -> None:
    """With the inputs that mlops gave; only its own notes of versions come from the state."""
    told = served.root / ".mlops" / "pulumi" / "dev" / "platform" / "gpu" / "inputs.json"
    programs = find_program("platform").parents[1]
    shutil.copytree(programs, served.root / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
    env = {**served.env, "PULUMI_BACKEND_URL": f"file://{served.root / '.mlops' / 'pulumi' / 'state'}"}
    words = [
        "pulumi",
        "preview",
        "--non-interactive",
        "--stack",
        "small.dev.gpu",
        "--config",
        f"inputs={told.read_text()}",
    ]
    done = subprocess.run(
        words, cwd=served.root / "stacks" / "platform", env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^Resources:\n    \d+ unchanged\s*\Z", done.stdout, re.MULTILINE), done.stdout


def test_destroy_leaves_nothing_in_the_cluster(served: ClusterPlace, admin: Api) -> None:
    change = {
        one["address"]: one
        for one in json.loads(served.mlops("plan", "--destroy", "--format", "json").stdout)["changes"]
    }
    assert "Deployment late-v" in " ".join(parts(change["endpoint.late"]))
    refused = served.mlops("destroy", "--yes", code=1)
    assert "This plan deletes PersistentVolumeClaim mlops of stack.gpu" in refused.stderr
    assert admin.exists(f"{CORE}/persistentvolumeclaims/mlops")
    served.mlops("destroy", "--yes", "--allow-data-loss", "stack.gpu")
    until(lambda: not admin.exists(f"/api/v1/namespaces/{NAMESPACE}"), "the namespace is gone", seconds=60)
    names = [one["metadata"]["name"] for one in admin.items("/apis/scheduling.k8s.io/v1/priorityclasses")]
    assert not [name for name in names if name.startswith(NAMESPACE)]


def test_a_namespace_that_was_there_is_taken_over_and_stays(
    control_plane: ControlPlane, admin: Api, tmp_path: Path
) -> None:
    admin.post("/api/v1/namespaces", {"metadata": {"name": "theirs", "labels": {"team": "them"}}})
    made = cluster_project(tmp_path / "project", pulumi_environment(tmp_path, control_plane.kubeconfig))
    made.edit("conf/stack/gpu.yaml", f"namespace: {NAMESPACE}", "namespace: theirs")
    assert "exists, and this stack did not make it" in made.change("stack.gpu")["obstacles"][0]
    made.edit("conf/stack/gpu.yaml", "namespace: theirs", "namespace: theirs\nadopt: true")
    made.mlops("apply", "--yes", "--target", "stack.gpu")
    labels = admin.get("/api/v1/namespaces/theirs")["metadata"]["labels"]
    assert (labels["team"], labels["pod-security.kubernetes.io/enforce"]) == ("them", "restricted")
    assert "stack.gpu" not in made.words()
    made.mlops("destroy", "--yes", "--target", "stack.gpu", "--allow-data-loss", "stack.gpu")
    assert admin.get("/api/v1/namespaces/theirs")["metadata"]["labels"]["team"] == "them"
    assert not admin.exists("/api/v1/namespaces/theirs/resourcequotas/mlops")


def test_a_plan_without_kubernetes_imports_nothing_of_it(tmp_path: Path) -> None:
    from tests.e2e.conftest import make_small

    small = make_small(tmp_path / "project")
    code = "import sys\nfrom mlops.cli.main import main\ntry:\n    main(['plan'])\nexcept SystemExit:\n    pass\n" \
           "print(sorted({name.partition('.')[0] for name in sys.modules} & {'pulumi', 'kubernetes', 'grpc'}))"  # fmt: skip
    done = subprocess.run(
        [BIN / "python", "-c", code], cwd=small.root, env=small.env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
