"""The file of an endpoint on this machine, and the gateway's tables that are made from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops.context.paths import ProjectPaths
from mlops.context.secrets import key_reference
from mlops.errors import MlopsError
from mlops.rollout.state import RolloutState, VersionState
from mlops.targets.local.host import Host
from mlops.targets.local.versions import Versions
from mlops.tools.envoy import EnvoyGateway
from mlops.tools.envoy_documents import RoutingTable, route_table

VALUE = "a-value-that-is-known"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host whose gateway writes its routes, as Envoy would read them, and asks no Envoy."""
    made = Host(ProjectPaths(tmp_path, "dev"), "local")

    def put(gateway: EnvoyGateway, table: RoutingTable, timeout: float = 10.0) -> None:
        gateway.folder.mkdir(parents=True, exist_ok=True)
        (gateway.folder / "routes.json").write_text(json.dumps({"resources": [route_table(table.routes)]}))

    monkeypatch.setattr(EnvoyGateway, "put", put)
    return made


def write_secret(host: Host, value: str) -> None:
    host.paths.secrets.mkdir(parents=True, mode=0o700, exist_ok=True)
    path = host.paths.secrets / "KEY"
    path.touch(mode=0o600)
    path.write_text(value)


def state(**gate: object) -> RolloutState:
    body = {"bento": "/b", "sockets": ["/s"]}
    return RolloutState("v1", 2, {"v1": VersionState("k", 1, body)}, {"v1": 100}, {"rate": None, **gate})


def test_file_of_an_endpoint_holds_no_key_and_the_gateway_gets_it(host: Host) -> None:
    write_secret(host, VALUE)
    versions = Versions(host, "delay")
    versions.publish(state(auth=key_reference("KEY", VALUE, {}), key=None))
    assert VALUE not in versions.route_file.read_text()
    assert host.gateway.keys() == {"delay": [VALUE]}


def test_file_of_an_older_version_is_read_with_the_key_in_it(host: Host) -> None:
    versions = Versions(host, "delay")
    versions.route_file.parent.mkdir(parents=True)
    older = {**state().to_json(), "key": VALUE}
    versions.route_file.write_text(json.dumps(older))
    host.publish()
    assert host.gateway.keys() == {"delay": [VALUE]}


def test_key_that_was_applied_stays_though_the_secret_is_another_or_gone(host: Host) -> None:
    write_secret(host, VALUE)
    Versions(host, "delay").publish(state(auth=key_reference("KEY", VALUE, {})))
    write_secret(host, "a rotated one")
    host.publish()
    assert host.gateway.keys() == {"delay": [VALUE]}
    (host.paths.secrets / "KEY").unlink()
    host.publish()
    assert host.gateway.keys() == {"delay": [VALUE]}


def test_key_that_is_nowhere_is_an_error_and_opens_nothing(host: Host) -> None:
    with pytest.raises(MlopsError, match=r"needs the key of endpoint\.delay, the secret KEY"):
        Versions(host, "delay").publish(state(auth=key_reference("KEY", VALUE, {})))
    assert host.gateway.keys() == {}


def test_endpoint_without_a_live_version_needs_no_value(host: Host) -> None:
    Versions(host, "delay").publish(state(auth=key_reference("KEY", VALUE, {})).withdrawn())
    assert host.gateway.keys() == {}
