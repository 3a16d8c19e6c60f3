"""The platform by the real engine on the real API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.api import Api, until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.running import Running, plain_preview
from tests.unit.stacks.told import FULL_PLATFORM

PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
TOLD: dict[str, Any] = {**FULL_PLATFORM, "namespace": "ground"}


@pytest.fixture
def api(plane: ControlPlane) -> Api:
    return plane.api()


def test_the_ground_is_laid_changed_in_place_replaced_and_taken_away(plane: ControlPlane, api: Api, home: Path) -> None:
    ground = Running(home, plane, "platform", "ground").tell(TOLD)
    assert ground.preview() == {"create": 15}
    assert not api.exists("/api/v1/namespaces/ground")
    assert ground.up() == {"create": 15}
    assert ground.preview() == {}
    assert plain_preview(ground) == {}

    ground.tell({**TOLD, "gpus": 16})
    assert ground.preview() == ground.up() == {"update": 1}
    quota = api.get("/api/v1/namespaces/ground/resourcequotas/mlops")
    assert quota["spec"]["hard"]["requests.nvidia.com/gpu"] == "16"

    uid = api.get(f"{PRIORITIES}/ground-training")["metadata"]["uid"]
    ground.tell({**TOLD, "gpus": 16, "training_priority": 500})
    assert ground.preview() == ground.up() == {"replace": 1}
    replaced = api.get(f"{PRIORITIES}/ground-training")
    assert (replaced["value"], replaced["metadata"]["uid"] == uid) == (500, False)

    assert ground.destroy() == {"delete": 15}
    assert not api.exists("/api/v1/namespaces/ground")
    assert not [it for it in api.items(PRIORITIES) if it["metadata"]["name"].startswith("ground-")]


def test_a_namespace_that_was_there_is_taken_over_and_stays(plane: ControlPlane, api: Api, home: Path) -> None:
    labels = {"owner": "somebody", "pod-security.kubernetes.io/enforce": "privileged"}
    api.post("/api/v1/namespaces", {"metadata": {"name": "theirs", "labels": labels}})
    path = "/api/v1/namespaces/theirs"
    uid = api.get(path)["metadata"]["uid"]
    ours = Running(home, plane, "platform", "theirs").tell({"namespace": "theirs", "adopt": True})
    ours.up()
    assert api.get(path)["metadata"]["labels"]["owner"] == "somebody"
    assert api.get(path)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert ours.preview() == {}

    ours.destroy()
    assert api.get(path)["metadata"]["uid"] == uid
    assert api.get(path)["metadata"]["labels"]["owner"] == "somebody"
    assert "app.kubernetes.io/managed-by" not in api.get(path)["metadata"]["labels"]
    for kind in ("resourcequotas", "limitranges", "persistentvolumeclaims"):
        until(lambda kind=kind: not api.items(f"{path}/{kind}"), f"{kind} gone")  # type: ignore[misc]
    assert {it["metadata"]["name"] for it in api.items(f"{path}/serviceaccounts")} == {"default"}
    api.delete(path)
