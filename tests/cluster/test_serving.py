"""Endpoints and watchers by the real engine on the real API server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.api import Api, until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.running import Running, plain_preview, steps
from tests.unit.stacks.program_inputs import DIGEST, FULL_SERVING, FULL_WATCHING, SECRETS, SERVING, TRAINING, WATCHING

NAMESPACE = "answering"
BASE = f"/api/v1/namespaces/{NAMESPACE}"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
ROUTES = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes"
FULL: dict[str, Any] = {**FULL_SERVING, "namespace": NAMESPACE, "priority_class": f"{NAMESPACE}-serving"}


@pytest.fixture(scope="module")
def ground(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    platform = Running(tmp_path_factory.mktemp("ground"), control_plane, "platform")
    with platform.tell({"namespace": NAMESPACE, "storage": {}}).going():
        platform.up()
        yield control_plane.api()


@pytest.fixture
def endpoint(control_plane: ControlPlane, tmp_path: Path, ground: Api) -> Iterator[Running]:
    with Running(tmp_path, control_plane, "serving").going() as made:
        yield made


def of(version: str, operation: str, *more: str) -> dict[str, str]:
    """The steps of one version."""
    return dict.fromkeys([f"{part}/delay-{version}" for part in ("deployment", "service", "budget", *more)], operation)


def weights(api: Api) -> dict[str, int]:
    (rule,) = api.get(f"{ROUTES}/delay")["spec"]["rules"]
    return {it["name"]: it["weight"] for it in rule["backendRefs"]}


def test_a_rollout_moves_weights_and_touches_nothing_else(endpoint: Running, ground: Api) -> None:
    versions = {f"v{n}": {"image": DIGEST, "tag": f"delay:{n}"} for n in (1, 2)}
    told = {**SERVING, "namespace": NAMESPACE, "versions": {"v1": versions["v1"]}, "weights": {"v1": 100}}
    assert steps(endpoint.tell(told).up()) == of("v1", "create") | {"route/delay": "create"}
    until(lambda: ground.get(f"{DEPLOYMENTS}/delay-v1")["status"].get("readyReplicas") == 1, "v1 ready")
    first = ground.get(f"{DEPLOYMENTS}/delay-v1")["metadata"]["generation"]

    assert steps(endpoint.tell({**told, "versions": versions}).up()) == of("v2", "create")
    assert weights(ground) == {"delay-v1": 100}
    for share in (10, 50):
        endpoint.tell({**told, "versions": versions, "weights": {"v1": 100 - share, "v2": share}})
        assert steps(endpoint.up()) == {"route/delay": "update"}
        assert weights(ground) == {"delay-v1": 100 - share, "delay-v2": share}
    endpoint.tell({**told, "versions": versions, "weights": {"v2": 100}})
    assert steps(endpoint.up()) == {"route/delay": "update"}
    assert weights(ground) == {"delay-v2": 100}
    assert ground.get(f"{DEPLOYMENTS}/delay-v1")["metadata"]["generation"] == first

    only = {**told, "versions": {"v2": versions["v2"]}, "weights": {"v2": 100}}
    assert steps(endpoint.tell(only).up()) == of("v1", "delete")
    assert endpoint.outputs()["rollout_state"]["weights"] == {"v2": 100}
    assert steps(endpoint.destroy()) == of("v2", "delete") | {"route/delay": "delete"}
    until(lambda: not ground.items(DEPLOYMENTS) and not ground.items(f"{BASE}/pods"), "nothing left")
    assert not ground.items(f"{BASE}/services")
    assert not ground.items(ROUTES)


def test_a_full_endpoint_settles_and_its_secret_is_nowhere_in_the_clear(
    endpoint: Running, ground: Api, tmp_path: Path
) -> None:
    endpoint.tell(FULL, SECRETS).up()
    assert endpoint.preview().is_empty
    assert plain_preview(endpoint) == {}
    kept = "".join(path.read_text() for path in (tmp_path / "backend").rglob("*.json*"))
    assert "deployment/delay-v1" in kept
    assert "key hush" not in kept
    assert base64.b64encode(b"key hush").decode() not in kept
    secret = ground.get(f"{BASE}/secrets/delay")["data"]["api_key"]
    assert base64.b64decode(secret) == b"key hush"

    endpoint.tell(FULL, {**SECRETS, "api_key": "rotated"})
    assert steps(endpoint.preview()) == steps(endpoint.up()) == {"secret/delay": "update"}
    assert base64.b64decode(ground.get(f"{BASE}/secrets/delay")["data"]["api_key"]) == b"rotated"


def test_what_an_autoscaler_has_decided_is_left(endpoint: Running, ground: Api) -> None:
    endpoint.tell(FULL, SECRETS).up()
    scaler = ground.get(f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/delay-v1")
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 8)
    ground.patch(f"{DEPLOYMENTS}/delay-v1/scale", {"spec": {"replicas": 5}})
    assert endpoint.preview().is_empty
    changed = endpoint.tell({**FULL, "cpu": "600m"}, SECRETS).up()
    assert steps(changed) == {f"deployment/delay-v{n}": "update" for n in (0, 1, 2)}
    assert ground.get(f"{DEPLOYMENTS}/delay-v1")["spec"]["replicas"] == 5


def test_pods_are_spread_over_nodes_and_one_budget_guards_each_version(endpoint: Running, ground: Api) -> None:
    versions = {"v1": {"image": DIGEST, "tag": "delay:1", "replicas": 3}}
    endpoint.tell({**SERVING, "namespace": NAMESPACE, "versions": versions}).up()
    until(lambda: ground.get(f"{DEPLOYMENTS}/delay-v1")["status"].get("readyReplicas") == 3, "three ready")
    assert len({it["spec"]["nodeName"] for it in ground.items(f"{BASE}/pods")}) == 3
    path = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets/delay-v1"
    until(lambda: ground.get(path)["status"]["disruptionsAllowed"] == 1, "the budget counts them")


def test_a_watcher_stays_or_comes_by_the_clock(control_plane: ControlPlane, tmp_path: Path, ground: Api) -> None:
    name = "delay-drift-watcher"
    with Running(tmp_path, control_plane, "watching").going() as watcher:
        told = {**WATCHING, "namespace": NAMESPACE}
        assert steps(watcher.tell(told).up()) == {f"files/{name}": "create", f"deployment/{name}": "create"}
        assert watcher.preview().is_empty
        assert plain_preview(watcher) == {}
        watcher.tell({**told, "files": {**WATCHING["files"], "watcher.json": "e30K"}})
        assert steps(watcher.up()) == {f"files/{name}": "update", f"deployment/{name}": "update"}
        watcher.tell({**FULL_WATCHING, "namespace": NAMESPACE}, SECRETS)
        assert steps(watcher.up()) == {
            f"files/{name}": "update",
            f"secret/{name}": "create",
            f"schedule/{name}": "create",
            f"deployment/{name}": "delete",
        }
        cron = ground.get(f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs/{name}")
        assert cron["spec"]["schedule"] == "0 * * * *"


def test_programs_run_at_once_in_one_process(control_plane: ControlPlane, tmp_path: Path, ground: Api) -> None:
    told = {
        "serving": {**SERVING, "namespace": NAMESPACE, "weights": {"v1": 100}},
        "watching": {**WATCHING, "namespace": NAMESPACE},
        "training": {**TRAINING, "namespace": NAMESPACE},
    }
    made = {name: Running(tmp_path / name, control_plane, name) for name in told}
    try:
        with ThreadPoolExecutor(len(told)) as pool:
            up = dict(zip(told, pool.map(lambda name: steps(made[name].tell(told[name]).up()), told), strict=True))
        assert {name: len(done) for name, done in up.items()} == {"serving": 4, "watching": 2, "training": 2}
    finally:
        for one in made.values():
            one.destroy()
