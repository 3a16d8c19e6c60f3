"""What every test stands on: no telemetry, no colour, nothing of the caller's environment that steers mlops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import server

HERE = Path(__file__).parent

os.environ.update(
    WHYLOGS_NO_ANALYTICS="1",
    BENTOML_DO_NOT_TRACK="True",
    DVC_NO_ANALYTICS="true",
    PULUMI_SKIP_UPDATE_CHECK="true",
    ORT_DISABLE_TELEMETRY="1",
    NO_COLOR="1",
)
for name in [key for key in os.environ if key.startswith("MLOPS_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server, for `fresh_database`."""
    with server() as url:
        yield url


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of tests that run side by side, those that share a control plane, an applied project or a trained model stay in one
    process, in their order."""
    for item in items:
        room = item.path.relative_to(HERE).parts[0]
        if room in ("cluster", "e2e"):
            item.add_marker(pytest.mark.xdist_group(room))
        elif room == "workloads":
            item.add_marker(pytest.mark.xdist_group(item.path.name))
