from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi import automation as auto

from tests.cluster.api import ApiError
from tests.cluster.trial import Place, Seen
from tests.cluster.world import NAMES, TOKEN
from tests.ports import any_port

IMAGE = "spec.template.spec.containers[0].image"


def operations(seen: Seen) -> dict[str, str]:
    return {name: operation for name, (operation, _) in seen.changes.items()}


def test_what_a_preview_shows_is_what_an_up_makes_and_then_nothing_changes(place: Place) -> None:
    everything = dict.fromkeys(NAMES, "create")
    seen = place.trial.preview()
    assert (operations(seen), seen.warnings) == (everything, [])
    assert not place.admin.exists(f"/api/v1/namespaces/{place.world.namespace}")
    assert operations(place.trial.up()) == everything
    live = place.live()
    assert place.trial.outputs()["uid"] == live["metadata"]["uid"]
    assert place.trial.outputs()["address"].startswith("10.96.")
    assert place.trial.preview().is_empty
    assert place.trial.refresh().is_empty
    assert place.trial.up().is_empty
    assert place.live()["metadata"]["generation"] == live["metadata"]["generation"]


def test_a_destroy_leaves_nothing(applied: Place) -> None:
    assert applied.trial.destroy().summary["delete"] == len(NAMES) + 1  # the stack itself
    assert not applied.admin.exists(f"/api/v1/namespaces/{applied.world.namespace}")
    assert applied.trial.resources() == []


def test_a_change_in_place_is_shown_field_by_field(applied: Place) -> None:
    world = applied.world
    world.replicas, world.labels, world.weights = 3, {"team.example.org/name": "flights"}, (90, 10)
    expected = {
        "ns": ("update", {'metadata.labels["team.example.org/name"]': "add"}),
        "web": ("update", {"spec.replicas": "update"}),
        "route": ("update", {"spec.rules[0].backendRefs[0].weight": "update", "spec.rules[0].backendRefs[1]": "add"}),
    }
    uid = applied.live()["metadata"]["uid"]
    assert applied.trial.preview().changes == expected
    assert applied.live()["spec"]["replicas"] == 2
    assert applied.trial.up().changes == expected
    assert applied.live()["spec"]["replicas"] == 3
    assert applied.live()["metadata"]["uid"] == uid
    assert applied.trial.preview().is_empty


def test_what_must_be_replaced_is_said_to_be_and_is(applied: Place) -> None:
    before = applied.admin.get(applied.path("configmaps", "config"))
    applied.world.setting, applied.world.job, applied.world.image = "two", "train-2", "registry.test/web:2"
    expected = {
        "config": ("replace", {"data.setting": "update-replace"}),
        "job": ("replace", {"metadata.name": "update-replace", IMAGE: "update-replace"}),
        "web": ("update", {IMAGE: "update"}),
    }
    assert applied.trial.preview().changes == expected
    assert applied.trial.up().changes == expected
    after = applied.admin.get(applied.path("configmaps", "config"))
    assert after["data"] == {"setting": "two"}
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert not applied.admin.exists(applied.path("jobs", "train-1", "apis/batch/v1"))
    assert applied.trial.preview().is_empty


def test_a_config_map_changes_in_place_where_the_environment_allows_it(
    applied: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE", "true")
    applied.world.setting = "two"
    assert applied.trial.up().changes == {"config": ("update", {"data.setting": "update"})}


def test_a_memory_written_otherwise_is_no_drift(applied: Place) -> None:
    (container,) = applied.live()["spec"]["template"]["spec"]["containers"]
    assert (applied.world.memory, container["resources"]["requests"]["memory"]) == ("1024Mi", "1Gi")
    assert applied.trial.preview(refresh=True).is_empty
    applied.world.memory = "1Gi"
    assert applied.trial.preview().is_empty


def test_an_edit_by_hand_is_shown_and_taken_back_only_by_force(applied: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    applied.admin.patch(applied.deployment, {"spec": {"replicas": 7}})
    assert applied.trial.preview().is_empty
    assert re.search(
        r"Apply failed with 1 conflict: conflict with .*: \.spec\.replicas",
        applied.trial.refused("preview", refresh=True),
    )
    monkeypatch.setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
    expected = {"web": ("update", {"spec.replicas": "update"})}
    assert applied.trial.preview(refresh=True).changes == expected
    assert applied.live()["spec"]["replicas"] == 7
    assert applied.trial.up(refresh=True).changes == expected
    assert applied.live()["spec"]["replicas"] == 2
    assert applied.trial.preview(refresh=True).is_empty


def test_a_deletion_by_hand_is_shown_and_repaired(applied: Place) -> None:
    applied.admin.delete(applied.path("services", "web"))
    expected = {"service": ("create", {})}
    assert applied.trial.preview(refresh=True).changes == expected
    assert not applied.admin.exists(applied.path("services", "web"))
    assert applied.trial.up(refresh=True).changes == expected
    assert applied.admin.exists(applied.path("services", "web"))


def test_what_another_manager_adds_is_no_drift(applied: Place) -> None:
    applied.admin.patch(applied.deployment, {"metadata": {"labels": {"seen-by": "another"}}})
    assert applied.trial.preview(refresh=True).is_empty
    applied.world.replicas = 4
    applied.trial.up()
    assert applied.live()["metadata"]["labels"]["seen-by"] == "another"


def test_secrets_are_in_no_state_and_no_output(applied: Place) -> None:
    assert applied.admin.get(applied.path("secrets", "secret"))["data"]["token"]
    texts = [path.read_text() for path in backend(applied.trial.env).rglob("*.json*")]
    assert texts
    assert not [text for text in texts if TOKEN in text]
    assert TOKEN not in applied.trial.stack.preview(diff=True).stdout


def backend(env: dict[str, str]) -> Path:
    return Path(env["PULUMI_BACKEND_URL"].removeprefix("file://"))


def test_an_error_is_the_api_servers_own_sentence(place: Place) -> None:
    place.world.image = ""
    assert re.search(r"spec\.template\.spec\.containers\[0\]\.image: Required value", place.trial.refused("up"))


def test_an_existing_object_is_taken_over_and_what_others_set_stays(place: Place) -> None:
    """So nothing may count on a refusal: production asks before whose a namespace is."""
    name = place.world.namespace
    place.admin.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"owner": "somebody"}}})
    place.trial.up()
    assert place.admin.get(f"/api/v1/namespaces/{name}")["metadata"]["labels"]["owner"] == "somebody"
    assert place.trial.preview().is_empty


def test_a_user_without_rights_is_told_which(place: Place, monkeypatch: pytest.MonkeyPatch, kubeconfig: Any) -> None:
    limited = kubeconfig.read_text().replace('"current-context": "admin"', '"current-context": "limited"')
    other = kubeconfig.with_name("kubeconfig-limited")
    other.write_text(limited)
    monkeypatch.setitem(place.trial.env, "KUBECONFIG", str(other))
    assert place.trial.preview().changes  # from the inputs alone: production's preflight asks for rights
    assert re.search('User "limited" cannot', place.trial.refused("up"))
    monkeypatch.undo()
    with pytest.raises(ApiError, match="not found"):
        place.admin.get(f"/api/v1/namespaces/{place.world.namespace}")


def test_a_cluster_that_does_not_answer_is_found_by_a_refresh_alone(
    applied: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So production asks the cluster itself before a preview."""
    kubeconfig = json.loads(Path(applied.trial.env["KUBECONFIG"]).read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{any_port()}"
    monkeypatch.setitem(applied.trial.env, "KUBECONFIG", json.dumps(kubeconfig))
    applied.trial.preview()
    assert "configured Kubernetes cluster is unreachable" in applied.trial.refused("preview", refresh=True)


def test_the_plain_command_sees_no_change_in_what_an_inline_program_made(applied: Place) -> None:
    folder = applied.trial.write()
    words = ["pulumi", "preview", "--expect-no-changes", "--non-interactive", "--stack", "test"]
    environment = {**os.environ, **applied.trial.env}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    applied.world.replicas = 4
    applied.trial.write()
    again = subprocess.run([*words, "--diff"], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode != 0
    assert re.search(r"~ replicas: 2 => 4", again.stdout), again.stdout


def test_an_object_without_a_name_gets_one_and_a_patch_gives_back_only_what_it_set(
    place: Place, kubeconfig: Path
) -> None:
    def program() -> None:
        cluster = k8s.Provider("cluster", kubeconfig=kubeconfig.read_text(), context="admin", namespace="default")
        there = pulumi.ResourceOptions(provider=cluster)
        metadata = {"name": "default", "annotations": {"tests/patched": "yes"}}
        k8s.core.v1.NamespacePatch("patch", metadata=metadata, opts=there)
        k8s.core.v1.ConfigMap("auto", data={"a": "b"}, opts=there)

    stack = auto.create_or_select_stack(
        "other", "patches", program, opts=auto.LocalWorkspaceOptions(env_vars=place.trial.env)
    )
    stack.up()
    assert place.admin.get("/api/v1/namespaces/default")["metadata"]["annotations"] == {"tests/patched": "yes"}
    names = {item["metadata"]["name"] for item in place.admin.items("/api/v1/namespaces/default/configmaps")}
    (name,) = (name for name in names if re.fullmatch("auto-[0-9a-f]{8}", name))
    assert stack.up().summary.resource_changes == {"same": 4}
    stack.destroy()
    assert not place.admin.exists(f"/api/v1/namespaces/default/configmaps/{name}")
    assert "tests/patched" not in place.admin.get("/api/v1/namespaces/default")["metadata"].get("annotations", {})
