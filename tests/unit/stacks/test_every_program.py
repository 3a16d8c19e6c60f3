"""What holds of every object of every program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.rendered import Masked, Rendered, render
from tests.unit.stacks.program_inputs import ALL, FULL_SERVING, SECRETS, SERVING, TRAINING

ROOT = Path(__file__).parents[3]
WAITED_FOR = {"Deployment", "Job", "CronJob", "StatefulSet", "Service", "PersistentVolumeClaim"}


@pytest.fixture(scope="module", params=ALL)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    program, inputs = ALL[request.param]
    return render(program, {**inputs, "labels": {"team": "delays"}}, SECRETS)


def objects(rendered: Rendered) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, it) for name, it in rendered.objects.items() if name != "cluster")


def pods(rendered: Rendered) -> Iterator[dict[str, Any]]:
    for _, it in objects(rendered):
        spec = it.get("spec", {})
        template = spec.get("template") or spec.get("jobTemplate", {}).get("spec", {}).get("template")
        if template:
            yield template


def test_every_object_has_an_explicit_name_its_labels_and_the_cluster(rendered: Rendered) -> None:
    for name, it in objects(rendered):
        labels = it["metadata"]["labels"]
        assert it["metadata"]["name"], name
        assert labels["team"] == "delays", name
        assert {f"app.kubernetes.io/{x}" for x in ("name", "instance", "component", "part-of")} <= labels.keys()
        assert labels["app.kubernetes.io/managed-by"] == "mlops"
        assert "::cluster::" in rendered.providers[name], name


def test_engine_waits_for_nothing_that_takes_a_while(rendered: Rendered) -> None:
    for name, it in objects(rendered):
        annotations = it["metadata"].get("annotations", {})
        assert (annotations.get("pulumi.com/skipAwait") == "true") == (it["kind"] in WAITED_FOR), name
        assert (annotations.get("pulumi.com/deletionPropagationPolicy") == "background") == (it["kind"] in WAITED_FOR)


def test_pods_are_restricted_and_have_no_token(rendered: Rendered) -> None:
    for template in pods(rendered):
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 65532
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert not [volume for volume in spec["volumes"] if "hostPath" in volume]
        for container in (*spec["containers"], *spec.get("initContainers", [])):
            held = container["securityContext"]
            assert held["allowPrivilegeEscalation"] is False
            assert held["readOnlyRootFilesystem"] is True
            assert held["capabilities"] == {"drop": ["ALL"]}


def test_containers_say_what_they_need_and_memory_is_promised(rendered: Rendered) -> None:
    for template in pods(rendered):
        for container in (*template["spec"]["containers"], *template["spec"].get("initContainers", [])):
            asked, most = container["resources"]["requests"], container["resources"]["limits"]
            assert asked["cpu"]
            assert asked["memory"] == most["memory"]
            assert "cpu" not in most


def test_every_volume_is_mounted_and_every_mount_has_its_volume(rendered: Rendered) -> None:
    for template in pods(rendered):
        spec = template["spec"]
        containers = (*spec["containers"], *spec.get("initContainers", []))
        mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_a_secret_is_masked_wherever_it_is(rendered: Rendered) -> None:
    for secret in rendered.of("Secret"):
        assert isinstance(secret["data"], Masked)
    text = json.dumps(rendered.objects, default=lambda masked: "[secret]")
    assert "hush" not in text
    assert "aHVzaA" not in text


@pytest.mark.parametrize("name", ALL)
def test_the_same_text_gives_the_same_objects(name: str) -> None:
    program, inputs = ALL[name]
    once, again = render(program, inputs, SECRETS), render(program, inputs, SECRETS)
    assert once.objects == again.objects
    assert once.after == again.after


def test_names_are_readable_and_stable() -> None:
    names = set(render("serving", FULL_SERVING, SECRETS).objects)
    assert {"cluster", "deployment/delay-v1", "service/delay-v1", "budget/delay-v1", "route/delay"} <= names


def test_a_cluster_is_named_by_kubeconfig_and_context() -> None:
    rendered = render("training", {**TRAINING, "cluster": {"kubeconfig": "/etc/kube", "context": "gpu"}})
    assert rendered.objects["cluster"] == {
        "kubeconfig": "/etc/kube",
        "context": "gpu",
        "enableServerSideApply": "true",
        "enableConfigMapMutable": "true",
        "enableSecretMutable": "true",
    }
    assert not {"kubeconfig", "context"} & render("training", TRAINING).objects["cluster"].keys()


def test_inputs_that_do_not_fit_are_refused_in_one_sentence() -> None:
    with pytest.raises(
        pulumi.RunError, match=r"^The configuration `inputs` does not fit: replica: Extra inputs are not"
    ):
        render("serving", {**SERVING, "replica": 3})


def test_a_secret_without_configuration_is_refused() -> None:
    with pytest.raises(
        pulumi.RunError, match=r"name the secrets api_key, and the configuration has no `secrets`: set it"
    ):
        render("serving", FULL_SERVING)


def test_a_secret_without_value_is_refused() -> None:
    with pytest.raises(Exception, match=r"The configuration `secrets` has no value for api_key\."):
        render("serving", FULL_SERVING, {"other": "hush"})


@pytest.mark.slow
def test_programs_run_side_by_side_in_one_process_from_the_first_import() -> None:
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
sys.setswitchinterval(1e-5)
from tests.rendered import render
from tests.unit.stacks.program_inputs import ALL, SECRETS
def count(name):
    program, inputs = ALL[name]
    return len(render(program, inputs, SECRETS).objects)
with ThreadPoolExecutor(len(ALL)) as pool:
    print(list(pool.map(count, ALL)))
print(sys.argv, hasattr(sys.modules["__main__"], "count"))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with ThreadPoolExecutor(1) as alone:
        counts = list(alone.map(lambda name: len(render(*ALL[name], SECRETS).objects), ALL))
    assert done.stdout.splitlines() == [str(counts), "['-c'] True"]
