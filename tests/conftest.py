"""What every test stands on: no telemetry, no colour, nothing of the caller's environment that steers mlops."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.postgres import server

os.environ.update(
    WHYLOGS_NO_ANALYTICS="1",
    BENTOML_DO_NOT_TRACK="True",
    DVC_NO_ANALYTICS="true",
    PULUMI_SKIP_UPDATE_CHECK="true",
    MLFLOW_DISABLE_TELEMETRY="true",
    ORT_DISABLE_TELEMETRY="1",
    NO_COLOR="1",
)
# A shell that runs the tests in the background ignores Ctrl-C, and so would every program that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
for name in [key for key in os.environ if key.startswith("MLOPS_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server, for `fresh_database`."""
    with server() as url:
        yield url


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `share_cache` gives to small projects."""
    return tmp_path_factory.mktemp("cache")


class ByRoom(LoadScopeScheduling):
    """Of tests that run side by side, those that share a control plane, an applied project or a trained model stay in one
    process, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        room = path.split("/")[1]
        return {"cluster": room, "e2e": path, "workloads": path}.get(room, nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByRoom:
    return ByRoom(config, log)
