"""One control plane for the session, and Pulumi's settings in a folder of one's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi import log

from tests.cluster.api import Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.control_plane import control_plane as run_control_plane
from tests.cluster.programs import ProgramsMissing, programs
from tests.cluster.pulumi_home import pulumi_environment
from tests.cluster.trial import Place, Trial
from tests.cluster.world import World

NUMBER = count(1)


@pytest.fixture(scope="session", autouse=True)
def _tidy_inline_programs() -> Iterator[None]:
    """When the engine stops an inline program in the middle, the SDK tells the engine, which is gone, that it tidies
    up, and fails before it has; what it leaves is then collected, with complaints, in whatever test that happens."""
    told = log._log

    def tell(*words: Any) -> None:
        with suppress(grpc.RpcError):
            told(*words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_log", tell)
        yield


@pytest.fixture(scope="session")
def cluster_programs() -> Path:
    """The folder of the built programs. Without Go: skipped with what to install, and failed in CI."""
    try:
        return programs()
    except ProgramsMissing as missing:
        pytest.fail(str(missing)) if os.environ.get("CI") else pytest.skip(str(missing))


@pytest.fixture(scope="session")
def control_plane(cluster_programs: Path) -> Iterator[ControlPlane]:
    """A real API server with its controllers, 15 fake nodes and the Gateway API's kinds."""
    with run_control_plane() as plane:
        yield plane


@pytest.fixture(scope="session")
def kubeconfig(control_plane: ControlPlane) -> Path:
    """With the contexts `admin` (the default) and `limited`, who may do nothing."""
    return control_plane.kubeconfig


@pytest.fixture(scope="session")
def admin(control_plane: ControlPlane) -> Api:
    return control_plane.api("admin")


@pytest.fixture
def pulumi_env(tmp_path: Path, kubeconfig: Path) -> dict[str, str]:
    """What to add to the environment of a process that runs Pulumi; a home and a backend of this test's own."""
    return pulumi_environment(tmp_path / "pulumi", kubeconfig)


@pytest.fixture
def place(pulumi_env: dict[str, str], admin: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A world that nobody has applied. Its namespace goes with the test, and the API server empties that by itself."""
    for name, value in pulumi_env.items():
        monkeypatch.setenv(name, value)
    world = World(f"world-{next(NUMBER)}")
    found = Place(world, Trial(world, pulumi_env, tmp_path / "program"), admin)
    yield found
    if admin.exists(path := f"/api/v1/namespaces/{world.namespace}"):
        admin.delete(path)


@pytest.fixture
def applied(place: Place) -> Place:
    place.trial.up()
    return place
