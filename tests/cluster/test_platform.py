"""The platform by the real engine on the real API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cluster.api import Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.running import Running, plain_preview, steps
from tests.unit.stacks.program_inputs import FULL_PLATFORM

PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
TOLD: dict[str, Any] = {**FULL_PLATFORM, "namespace": "ground"}


def test_the_ground_is_laid_changed_in_place_and_taken_away(
    control_plane: ControlPlane, admin: Api, tmp_path: Path
) -> None:
    ground = Running(tmp_path, control_plane, "platform").tell(TOLD)
    first = steps(ground.preview())
    assert len(first) == 13
    assert set(first.values()) == {"create"}
    assert not admin.exists("/api/v1/namespaces/ground")
    assert steps(ground.up()) == first
    assert ground.preview().is_empty
    assert plain_preview(ground) == {}

    ground.tell({**TOLD, "gpus": 16})
    assert plain_preview(ground) == steps(ground.up()) == {"quota": "update"}
    quota = admin.get("/api/v1/namespaces/ground/resourcequotas/mlops")
    assert quota["spec"]["hard"]["requests.nvidia.com/gpu"] == "16"

    assert steps(ground.destroy()) == dict.fromkeys(first, "delete")
    assert not admin.exists("/api/v1/namespaces/ground")
    assert not [it for it in admin.items(PRIORITIES) if it["metadata"]["name"].startswith("ground-")]


def test_a_namespace_that_was_there_is_taken_over_and_stays(
    control_plane: ControlPlane, admin: Api, tmp_path: Path
) -> None:
    labels = {"owner": "somebody", "pod-security.kubernetes.io/enforce": "privileged"}
    admin.post("/api/v1/namespaces", {"metadata": {"name": "before-us", "labels": labels}})
    path = "/api/v1/namespaces/before-us"
    uid = admin.get(path)["metadata"]["uid"]
    ours = Running(tmp_path, control_plane, "platform").tell({"namespace": "before-us", "adopt": True})
    ours.up()
    taken = admin.get(path)["metadata"]["labels"]
    assert taken["owner"] == "somebody"
    assert taken["pod-security.kubernetes.io/enforce"] == "restricted"
    assert ours.preview().is_empty

    ours.destroy()
    left = admin.get(path)["metadata"]
    assert left["uid"] == uid
    assert left["labels"]["owner"] == "somebody"
    assert "app.kubernetes.io/managed-by" not in left["labels"]
    for kind in ("resourcequotas", "limitranges", "persistentvolumeclaims"):
        assert not admin.items(f"{path}/{kind}")
    assert {it["metadata"]["name"] for it in admin.items(f"{path}/serviceaccounts")} <= {"default"}
    admin.delete(path)
