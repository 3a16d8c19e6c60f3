from __future__ import annotations

from typing import Any

from tests.rendered import Rendered, render
from tests.unit.stacks.program_inputs import FULL_WATCHING, SECRETS, WATCHING


def pod(rendered: Rendered) -> dict[str, Any]:
    if rendered.of("CronJob"):
        spec: dict[str, Any] = rendered.one("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    else:
        spec = rendered.one("Deployment")["spec"]["template"]["spec"]
    return spec


def test_a_watcher_is_always_there_and_never_twice() -> None:
    spec = render("watching", WATCHING).one("Deployment")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_watcher_with_a_schedule_is_a_cron_job() -> None:
    rendered = render("watching", FULL_WATCHING, SECRETS)
    spec = rendered.one("CronJob")["spec"]
    assert spec["schedule"] == "0 * * * *"
    assert spec["timeZone"] == "Etc/UTC"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert pod(rendered)["restartPolicy"] == "Never"
    assert not rendered.of("Deployment")


def test_watcher_reads_the_log_and_writes_elsewhere() -> None:
    rendered = pod(render("watching", WATCHING))
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "mlops"}} in rendered["volumes"]
    mounts = rendered["containers"][0]["volumeMounts"]
    assert {"name": "data", "mountPath": "/var/log/mlops", "subPath": "logs/delay", "readOnly": True} in mounts
    assert {"name": "data", "mountPath": "/var/lib/mlops", "subPath": "watching/delay-drift"} in mounts


def test_watcher_looks_where_the_endpoint_writes() -> None:
    from tests.unit.stacks.program_inputs import FULL_SERVING

    served = render("serving", FULL_SERVING, SECRETS).objects["deployment/delay-v1"]["spec"]["template"]["spec"]
    (written,) = [it for it in served["containers"][0]["volumeMounts"] if it["name"] == "logs"]
    (read,) = [
        it
        for it in pod(render("watching", WATCHING))["containers"][0]["volumeMounts"]
        if it["mountPath"] == "/var/log/mlops"
    ]
    assert written["subPath"] == read["subPath"]


def test_files_of_the_watcher_lie_under_their_paths() -> None:
    rendered = render("watching", WATCHING)
    assert rendered.one("ConfigMap")["binaryData"] == {"watcher.json": "e30=", "baseline_2Fprofile.bin": "AAE="}
    (volume,) = [it for it in pod(rendered)["volumes"] if it["name"] == "files"]
    assert volume["configMap"]["items"][0] == {"key": "baseline_2Fprofile.bin", "path": "baseline/profile.bin"}


def test_secrets_are_variables() -> None:
    (hook,) = [
        it for it in pod(render("watching", FULL_WATCHING, SECRETS))["containers"][0]["env"] if it["name"] == "WEBHOOK"
    ]
    assert hook["valueFrom"] == {"secretKeyRef": {"name": "delay-drift-watcher", "key": "WEBHOOK"}}


def test_changed_files_start_the_watcher_anew() -> None:
    one = render("watching", WATCHING).one("Deployment")["spec"]["template"]["metadata"]
    other = render("watching", {**WATCHING, "files": {"watcher.json": "e30K"}}).one("Deployment")["spec"]["template"][
        "metadata"
    ]
    assert one != other


def test_watcher_without_a_claim_has_a_folder_of_its_own() -> None:
    assert {"name": "data", "emptyDir": {"sizeLimit": "1Gi"}} in pod(render("watching", FULL_WATCHING, SECRETS))[
        "volumes"
    ]
