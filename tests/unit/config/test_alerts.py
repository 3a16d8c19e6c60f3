"""What may be said of alerts, and how it reaches a monitor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from mlops.address import Address
from mlops.config.schema.alerts import SilenceSettings
from mlops.contracts.watcher import MonitorFinding
from mlops.monitoring.alerts import write_alerts
from tests.e2e.conftest import SMALL
from tests.small_project import load_files, problems_of, share_cache
from tests.unit.kinds.conftest import Look

ALERTS = """\
alerts:
  routes:
    team: { url: "${secret:TEAM_URL}", quiet: "22:00-07:00", repeat: 1d }
  silences:
    - { monitor: late, kind: quality, until: 2026-02-01, reason: the sensor is being changed }
"""


@pytest.fixture(autouse=True)
def composed_before(tmp_path: Path, cache: Path) -> None:
    share_cache(tmp_path, cache)


def look_at(root: Path, alerts: str = ALERTS) -> Look:
    return Look(root, load_files(root, {**SMALL, "conf/env/dev.yaml": alerts}), {})


def test_alerts_of_the_environment_configure_its_monitors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_URL", "slack://not-to-be-seen")
    look = look_at(tmp_path)
    desired = look.desired["monitor.late"]
    assert desired.inputs["alerts"]["routes"]["team"]["repeat"] == 86400.0
    assert "not-to-be-seen" not in json.dumps(desired.inputs)
    assert desired.origins["alerts.routes.team.url"] == "conf/env/dev.yaml:3"
    assert look.meaning("monitor.late", "alerts.routes.team.url")[0] == "RECONFIGURE"
    kind = look.kind("monitor.late")
    assert "alerts" not in kind.as_declared(desired.inputs)


def test_file_of_the_watcher_holds_the_secret_by_name_alone(tmp_path: Path) -> None:
    look = look_at(tmp_path)
    write_alerts(look.context, Address("monitor", "late"), tmp_path)
    written = json.loads((tmp_path / "alerts.json").read_text())
    assert written["routes"][0] == {
        "name": "team", "url": "${secret:TEAM_URL}", "severity": "warning", "repeat": 86400.0, "quiet": "22:00-07:00"
    }  # fmt: skip
    assert written["silences"] == [{"kind": "quality", "until": 1769904000.0}]
    none = look_at(tmp_path, "{}\n")
    assert "alerts" not in none.desired["monitor.late"].inputs
    write_alerts(none.context, Address("monitor", "late"), tmp_path)
    assert not (tmp_path / "alerts.json").exists()


def test_project_without_alerts_has_the_digest_that_it_had(tmp_path: Path) -> None:
    without, empty = load_files(tmp_path, SMALL), look_at(tmp_path, ALERTS).spec
    assert "alerts" not in json.dumps(without.settings.origins)
    assert without.digest != empty.digest


@pytest.mark.parametrize(
    ("alerts", "words"),
    [
        ("alerts: { routes: { team: { url: team } } }\n", "no address that Apprise knows"),
        ("alerts: { routes: { team: { url: 'mailto://ann:pw@example.org' } } }\n", "in the clear"),
        ("alerts: { routes: { team: { url: 'json://h', quiet: 22-7 } } }\n", "22:00-07:00"),
        ("alerts: { routes: { team: { url: 'json://h', severity: info } } }\n", "critical"),
        ("alerts: { silences: [ { monitor: latte, reason: x } ] }\n", "Did you mean `late`?"),
        ("alerts: { silences: [ { monitor: late } ] }\n", "reason"),
    ],
)
def test_alerts_that_cannot_be_meant_are_refused_with_their_line(tmp_path: Path, alerts: str, words: str) -> None:
    (problem,) = problems_of(tmp_path, {**SMALL, "conf/env/dev.yaml": alerts})
    assert words in f"{problem.detail} {problem.hint}"
    assert str(problem.source).startswith("conf/env/dev.yaml:1")


def test_every_kind_of_finding_can_be_silenced() -> None:
    kinds = get_args(get_type_hints(MonitorFinding)["kind"])
    assert "labels" in kinds
    for kind in kinds:
        assert SilenceSettings(kind=kind, reason="a test").kind == kind
