"""An endpoint whose versions are guarded: what runs, what a plan shows, and what an apply makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.address import Address
from mlops.api import Project, plan_rollback
from mlops.context.paths import ProjectPaths
from mlops.targets.local.host import Host
from mlops.targets.local.versions import Versions
from tests.fault.fake_project import Chain, declare
from tests.fault.test_rollback import FILES, apply, records, with_

ENDPOINT = Address("endpoint", "late")
GUARDED = {**FILES["endpoint/late"]["rollout"], "guard": {"for": "1h"}}


def programs(chain: Chain) -> set[str]:
    return {name for running in chain.doors.programs.values() for name in running if "late" in name}


def test_guarded_version_is_watched_and_what_the_guard_did_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(tmp_path, monkeypatch)
    first = with_("endpoint/late", rollout=GUARDED)
    declare(chain.root, first)
    apply(chain)
    assert programs(chain) == {"late-v1-0"}
    declare(chain.root, {**first, **{"model/late": {**FILES["model/late"], "trainer": {"max_epochs": 5}}}})
    (change,) = [one for one in chain.plan() if one.address == ENDPOINT]
    assert any("stays warm for 3600 s" in note for note in change.notes)
    apply(chain)
    assert programs(chain) == {"late-v1-0", "late-v2-0", "controller-late"}
    assert chain.plan() == []
    versions = Versions(Host(ProjectPaths(chain.root, "dev"), "local"), "late")
    versions.host.supervisor.take("controller-late")
    (change,) = chain.plan()
    assert [reason.text for reason in change.reasons] == ["its guard does not run"]
    apply(chain)
    assert programs(chain) == {"late-v1-0", "late-v2-0", "controller-late"}

    versions.publish(versions.read().taken_back(0.0, "40 of 200 requests failed"))  # as the guard does
    project = Project.open(chain.root)
    plan = project.plan()
    (change,) = [one for one in plan.changes if one.action.changes_something]
    assert change.reasons[0].text == "its guard took traffic back from v2: 40 of 200 requests failed"
    (attention,) = plan.attention
    assert attention.summary == "the guard of endpoint.late took traffic back"
    assert attention.commands == ("mlops rollback endpoint.late",)
    assert "At 1970-01-01T00:00:00+00:00 v2 was found bad" in attention.lines[0]

    assert project.carry_out(plan_rollback(project, "endpoint.late", None)).error is None
    assert programs(chain) == {"late-v1-0"}
    assert records(chain)[ENDPOINT].outputs["version"] == "v1"
    assert Project.open(chain.root).plan().attention == ()
